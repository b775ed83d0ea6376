import type { PostgresPool } from "kysely";
import type pg from "pg";

/** What a statement fails with that had no answer in time. Whether it was done, nobody knows. */
export class NoAnswer extends Error {
  override name = "NoAnswer";

  constructor(limitMs: number, options?: ErrorOptions) {
    super(`PostgreSQL has not answered a statement for ${limitMs} ms; the connection is given up`, options);
  }
}

/**
 * A pool whose connections are given up when a statement has no answer in time: behind a stalled connection a caller would
 * wait for as long as TCP does, which is for hours. A connection that was given up never goes back to the pool, since a late
 * answer would be taken for the one to the next statement.
 */
export function withTimeLimit(pool: pg.Pool, limitMs: number): PostgresPool {
  return {
    options: {},
    end: () => pool.end(),
    connect: async () => {
      const client = await pool.connect();
      let givenUp: NoAnswer | undefined;
      const query = async (text: string, values: readonly unknown[]) => {
        // Such as the ROLLBACK after it: there is nobody to hear it.
        if (givenUp !== undefined) throw givenUp;
        const config = { text, values: [...values], query_timeout: limitMs };
        return client.query(config).catch((error: unknown) => {
          if (!isTimeout(error)) throw error;
          givenUp = new NoAnswer(limitMs, { cause: error });
          throw givenUp;
        });
      };
      return {
        query: query as unknown as Awaited<ReturnType<PostgresPool["connect"]>>["query"],
        // Given up, its socket is destroyed: the server rolls back what was not committed as soon as it notices.
        release: (destroy) => client.release(destroy === true || givenUp !== undefined),
      };
    },
  };
}

/** pg has no code for it. */
const isTimeout = (error: unknown): boolean =>
  error instanceof Error && error.message === "Query read timeout";
