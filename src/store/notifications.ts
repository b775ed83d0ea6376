import { sql } from "kysely";
import pg from "pg";
import type { Connection } from "./connection.ts";

const CHANNEL = "purser_budgets";
const RECONNECT_MS = 1_000;

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

  const connect = async (): Promise<void> => {
    const next = new pg.Client({ connectionString: url, application_name: "purser listen" });
    client = next;
    next.on("notification", ({ payload }) => onPayload(payload ?? ""));
    next.on("error", () => {});
    next.on("end", again);
    try {
      await next.connect();
      if (await isPooled(next)) return await giveUp(next);
      await next.query(`listen ${CHANNEL}`);
      // Whatever was told meanwhile was missed.
      onPayload("*");
    } catch {
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
    timer = setTimeout(() => void connect(), RECONNECT_MS).unref();
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
