import { sql } from "kysely";
import type pg from "pg";
import { backoffMs } from "../domain/backoff.ts";
import type { Connection } from "./connection.ts";
import { CONNECT_TIMEOUT_MS, type Hosts } from "./hosts.ts";

const CHANNEL = "purser_budgets";
const RECONNECT = { firstMs: 1_000, longestMs: 10_000 };

/** Sends a payload to every server that listens. */
export async function notify(connection: Connection, payload: string): Promise<void> {
  await sql`select pg_notify(${CHANNEL}, ${payload})`.execute(connection);
}

/**
 * Listens on its own connection, and reconnects when that is lost.
 *
 * It does not listen through a pooler. A pooler in transaction mode delivers no notifications, and PgBouncer 1.18 mistakes a
 * notification for the end of a transaction and then sends answers to the wrong clients. Watchers notice changes by polling
 * then.
 *
 * @param pauses The pauses before it connects again.
 */
export function listen(
  hosts: Hosts,
  onPayload: (payload: string) => void,
  pauses: typeof RECONNECT = RECONNECT,
): AsyncDisposable {
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let disposed = false;
  let failures = 0;

  const connect = async (): Promise<void> => {
    const next = new hosts.Client({
      application_name: "purser listen",
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      // This connection sends nothing. Without keepalive, it would never notice that the server is gone.
      keepAlive: true,
    });
    client = next;
    next.on("notification", ({ payload }) => onPayload(payload ?? ""));
    next.on("error", () => {});
    next.on("end", () => {
      if (client === next) reconnectLater();
    });
    try {
      await next.connect();
      await hosts.check(next);
      if (await isPooled(next)) return await giveUp(next);
      await next.query(`listen ${CHANNEL}`);
      failures = 0;
      // Notifications sent before the connection was open were missed. "*" stands for all budgets.
      onPayload("*");
    } catch {
      failures++;
      await next.end().catch(() => {});
      reconnectLater();
    }
  };
  const giveUp = async (pooled: pg.Client): Promise<void> => {
    disposed = true;
    await pooled.end();
  };
  const reconnectLater = (): void => {
    if (disposed) return;
    clearTimeout(timer);
    // The other hosts are tried before it pauses.
    const isRoundOver = failures % hosts.count === 0;
    const pauseMs = backoffMs(Math.floor(failures / hosts.count), pauses, Math.random());
    timer = setTimeout(() => void connect(), isRoundOver ? pauseMs : 0).unref();
  };
  // Nothing is sent on this connection, so it would not notice that its host has become read-only.
  const dropping = hosts.onDropped(() => void client?.end().catch(() => {}));

  void connect();
  return {
    async [Symbol.asyncDispose]() {
      disposed = true;
      dropping[Symbol.dispose]();
      clearTimeout(timer);
      await client?.end().catch(() => {});
    },
  };
}

/**
 * Whether a pooler is between this client and PostgreSQL. At the start of a connection, PostgreSQL sends its process id. A pooler
 * sends an id of its own, because the session behind it may change.
 */
async function isPooled(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid !== (client as pg.Client & { processID: number | null }).processID;
}
