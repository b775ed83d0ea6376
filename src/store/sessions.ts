import type { PostgresPool } from "kysely";
import type pg from "pg";

/** A statement had no answer in time. Whether it was done is not known. */
export class NoAnswer extends Error {
  override name = "NoAnswer";

  constructor(limitMs: number, options?: ErrorOptions) {
    super(`PostgreSQL has not answered a statement for ${limitMs} ms; the connection is given up`, options);
  }
}

/** There is no connection to be had: the cause is in the message. Nothing was sent. */
export class NoConnection extends Error {
  override name = "NoConnection";

  constructor(cause: unknown) {
    const { message, code } = cause as { message?: string; code?: string };
    super(`no connection to PostgreSQL: ${message === undefined || message === "" ? code : message}`, {
      cause,
    });
  }
}

/** How long things may take on a connection. What is absent may take as long as it takes. */
export interface TimeLimits {
  /** From a statement to its answer. Then the connection is given up. */
  answerMs?: number;
  /** How long a statement of a transaction may wait for a lock: then it fails with 55P03. */
  lockMs?: number;
  /** How long a transaction may be left alone: then PostgreSQL rolls it back, and its locks are free. */
  idleMs: number;
}

/**
 * A pool that limits how long its connections may take.
 *
 * A connection is given up when a statement has no answer in time: behind a stalled connection a caller would wait for as long
 * as TCP does, which is for hours. It never goes back to the pool, since a late answer would be taken for the answer to the
 * next statement.
 */
export function withTimeLimits(pool: pg.Pool, limits: TimeLimits): PostgresPool {
  const begin = beginText(limits);
  const { answerMs } = limits;
  return {
    options: {},
    end: () => pool.end(),
    connect: async () => {
      const client = await connect(pool);
      let givenUp: NoAnswer | undefined;
      const query = async (text: string, values: readonly unknown[]) => {
        // For example the ROLLBACK after it: nothing would answer.
        if (givenUp !== undefined) throw givenUp;
        const isBegin = text === "begin";
        const config = { text: isBegin ? begin : text, values: [...values], query_timeout: answerMs };
        const result = await client.query(config).catch((error: unknown) => {
          if (answerMs === undefined || !isTimeout(error)) throw error;
          givenUp = new NoAnswer(answerMs, { cause: error });
          throw givenUp;
        });
        // Of several statements, there are as many results.
        return isBegin ? (result as unknown as [pg.QueryResult])[0] : result;
      };
      return {
        query: query as unknown as Awaited<ReturnType<PostgresPool["connect"]>>["query"],
        // Given up, its socket is destroyed: the server rolls back what was not committed as soon as it notices.
        release: (destroy) => client.release(destroy === true || givenUp !== undefined),
      };
    },
  };
}

async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    // After the end of the pool, that is no failure of PostgreSQL.
    throw pool.ending ? error : new NoConnection(error);
  }
}

/**
 * BEGIN and the settings of the transaction, as one message. Nothing is set for the session, since PgBouncer may give the next
 * transaction another one. The isolation level is named because another can be the default of the role or the database: a
 * statement must see what was committed while it waited for a lock.
 */
function beginText({ answerMs, lockMs, idleMs }: TimeLimits): string {
  const settings = { idle_in_transaction_session_timeout: idleMs, lock_timeout: lockMs };
  // Without a limit here, those of the role or the database do not hold either: they are meant for statements of callers.
  const unlimited = answerMs === undefined ? { statement_timeout: 0, lock_timeout: 0 } : {};
  const set = Object.entries({ ...settings, ...unlimited })
    .filter(([, ms]) => ms !== undefined)
    .map(([name, ms]) => `set local ${name} = ${ms}`);
  return ["begin isolation level read committed", ...set].join("; ");
}

/** pg has no code for it. */
const isTimeout = (error: unknown): boolean =>
  error instanceof Error && error.message === "Query read timeout";
