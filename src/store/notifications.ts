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
 * Listens on a connection of its own, and comes back when it is lost. A pooler that hands out connections by the
 * transaction delivers nothing here; watchers then notice by looking.
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
      await next.query(`listen ${CHANNEL}`);
      // Whatever was told meanwhile was missed.
      onPayload("*");
    } catch {
      await next.end().catch(() => {});
      again();
    }
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
