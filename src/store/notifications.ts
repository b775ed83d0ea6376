import { sql } from "kysely";
import pg from "pg";
import { backoffMs } from "../domain/backoff.ts";
import type { Connection } from "./connection.ts";

const CHANNEL = "purser_budgets";
const RECONNECT = { firstMs: 1_000, longestMs: 10_000 };
const CONNECT_TIMEOUT_MS = 5_000;

/** Tells every server that listens. */
export async function notify(connection: Connection, payload: string): Promise<void> {
  await sql`select pg_notify(${CHANNEL}, ${payload})`.execute(connection);
}

/**
 * Listens on a connection of its own, and comes back when it is lost. Through a pooler it does not: nothing would be delivered
 * from one that hands out sessions by the transaction, and PgBouncer 1.18 takes a notification for the end of a transaction, so
 * that one session which listens has answers go to the wrong clients. Watchers then notice by looking.
 */
export function listen(url: string, onPayload: (payload: string) => void): AsyncDisposable {
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let disposed = false;
  let failures = 0;

  const connect = async (): Promise<void> => {
    const next = new pg.Client({
      connectionString: url,
      application_name: "purser listen",
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      // It sends nothing: without this, nothing would tell that the other end is gone.
      keepAlive: true,
    });
    client = next;
    next.on("notification", ({ payload }) => onPayload(payload ?? ""));
    next.on("error", () => {});
    next.on("end", again);
    try {
      await next.connect();
      if (await isPooled(next)) return await giveUp(next);
      await next.query(`listen ${CHANNEL}`);
      failures = 0;
      // Whatever was told meanwhile was missed.
      onPayload("*");
    } catch {
      failures++;
      await next.end().catch(() => {});
      again();
    }
  };
  const giveUp = async (pooled: pg.Client): Promise<void> => {
    disposed = true;
    await pooled.end();
  };
  const again = (): void => {
    if (disposed) return;
    clearTimeout(timer);
    timer = setTimeout(() => void connect(), backoffMs(failures, RECONNECT, Math.random())).unref();
  };

  void connect();
  return {
    async [Symbol.asyncDispose]() {
      disposed = true;
      clearTimeout(timer);
      await client?.end().catch(() => {});
    },
  };
}

/**
 * Whether something stands between us and the session that answers. A session tells who it is when it begins; a pooler makes
 * up a name of its own for that, since the session behind it may change.
 */
async function isPooled(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid !== (client as pg.Client & { processID: number | null }).processID;
}
