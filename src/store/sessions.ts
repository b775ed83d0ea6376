import type { PostgresPool } from "kysely";
import type pg from "pg";
import { type HostFailed, type Hosts, hostFailureIn } from "./hosts.ts";

/** PostgreSQL did not answer a statement in time. It is unknown whether the statement was done. */
export class NoAnswer extends Error {
  override name = "NoAnswer";

  constructor(limitMs: number, options?: ErrorOptions) {
    super(`PostgreSQL did not answer a statement within ${limitMs} ms; the connection is closed`, options);
  }
}

/** No connection could be opened. The message has the cause. No statement was sent. */
export class NoConnection extends Error {
  override name = "NoConnection";

  constructor(cause: unknown) {
    const { message, code } = cause as { message?: string; code?: string };
    super(`no connection to PostgreSQL: ${message === undefined || message === "" ? code : message}`, {
      cause,
    });
  }
}

/** Time limits of a connection. An absent limit does not apply. */
export interface TimeLimits {
  /** How long a statement may take to be answered. Then the connection is closed. */
  answerMs?: number;
  /** How long a statement of a transaction may wait for a lock. Then it fails with 55P03. */
  lockMs?: number;
  /** How long a transaction may be idle. Then PostgreSQL rolls it back and releases its locks. */
  idleMs: number;
}

/**
 * Adds time limits to the connections of a pool.
 *
 * A connection is closed when a statement is not answered in time. Otherwise a caller would wait on a stalled connection for as
 * long as TCP does, which can be hours. The connection never goes back to the pool, because a late answer would be mistaken for
 * the answer to the next statement.
 */
export function withTimeLimits(pool: pg.Pool, hosts: Hosts, limits: TimeLimits): PostgresPool {
  const begin = beginText(limits);
  const { answerMs } = limits;
  return {
    options: {},
    end: () => pool.end(),
    connect: async () => {
      const client = await connect(pool, hosts);
      let givenUp: NoAnswer | undefined;
      const query = async (text: string, values: readonly unknown[]) => {
        // No later statement is sent, for example the ROLLBACK, because it would not be answered either.
        if (givenUp !== undefined) throw givenUp;
        const isBegin = text === "begin";
        const config = { text: isBegin ? begin : text, values: [...values], query_timeout: answerMs };
        const result = await client.query(config).catch((error: unknown) => {
          hosts.statementFailed(client, error);
          if (answerMs === undefined || !isTimeout(error)) throw error;
          givenUp = new NoAnswer(answerMs, { cause: error });
          throw givenUp;
        });
        // BEGIN is sent with its settings as several statements, so pg returns an array of results.
        return isBegin ? (result as unknown as [pg.QueryResult])[0] : result;
      };
      return {
        query: query as unknown as Awaited<ReturnType<PostgresPool["connect"]>>["query"],
        // A connection that was given up is destroyed. The server rolls its transaction back as soon as it notices.
        release: (destroy) =>
          client.release(destroy === true || givenUp !== undefined || hosts.isDropped(client)),
      };
    },
  };
}

/** Tries each host once, from the one that was used last. @throws NoConnection */
async function connect(pool: pg.Pool, hosts: Hosts): Promise<pg.PoolClient> {
  const failures: HostFailed[] = [];
  for (;;) {
    try {
      const client = await pool.connect();
      if (!hosts.isDropped(client)) return client;
      client.release(true);
    } catch (error) {
      // If the pool is being closed, this is not a failure of PostgreSQL.
      if (pool.ending) throw error;
      const failure = hostFailureIn(error);
      if (failure === undefined) throw new NoConnection(error);
      failures.push(failure);
      if (failures.length >= hosts.count) throw new NoConnection(summary(failures));
    }
  }
}

/** One host is named by the setting, so its error says enough. */
const summary = (failures: readonly HostFailed[]): unknown =>
  failures.length === 1
    ? failures[0]?.cause
    : new AggregateError(failures, failures.map(({ message }) => message).join("; "));

/**
 * BEGIN and the settings of the transaction, as one message. Nothing is set for the session, because PgBouncer may give the next
 * transaction another session. The isolation level is set explicitly, because the role or the database may have another default,
 * and a statement must see what was committed while it waited for a lock.
 */
function beginText({ answerMs, lockMs, idleMs }: TimeLimits): string {
  const settings = { idle_in_transaction_session_timeout: idleMs, lock_timeout: lockMs };
  // Work without a time limit, such as a migration, also turns off the limits of the role or the database, which are meant for
  // short statements.
  const unlimited = answerMs === undefined ? { statement_timeout: 0, lock_timeout: 0 } : {};
  const set = Object.entries({ ...settings, ...unlimited })
    .filter(([, ms]) => ms !== undefined)
    .map(([name, ms]) => `set local ${name} = ${ms}`);
  return ["begin isolation level read committed", ...set].join("; ");
}

/** Whether pg's query_timeout has passed. pg's error has no code, so this compares the message. */
const isTimeout = (error: unknown): boolean =>
  error instanceof Error && error.message === "Query read timeout";
