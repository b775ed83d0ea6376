import { sql } from "kysely";
import { Failure } from "../domain/errors.ts";
import type { Connection } from "./connection.ts";
import type { Database } from "./database.ts";
import { NoAnswer } from "./time-limit.ts";

/** Runs work on the database, again where the database and not the work failed. */
export interface Store {
  /** Work that needs no transaction of its own. */
  read<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  /** Work in one transaction: all of it happens, or none. It may run more than once, and must not mind. */
  transaction<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  /** Whether the database answers now; asked once. */
  isReachable(): Promise<boolean>;
}

const RETRY_FIRST_MS = 10;
const RETRY_LONGEST_MS = 500;

/**
 * @param retryMsMax How long work is tried again while the database cannot be reached. Then STORE_UNAVAILABLE is thrown.
 */
export function createStore(options: {
  database: Pick<Database, "kysely">;
  retryMsMax: number;
  onRetry: (error: unknown) => void;
}): Store {
  const { kysely } = options.database;
  const persist = async <T>(work: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    for (let pauseMs = RETRY_FIRST_MS; ; pauseMs = Math.min(pauseMs * 2, RETRY_LONGEST_MS)) {
      try {
        return await work();
      } catch (error) {
        if (isConflict(error)) continue;
        if (!isOutage(error)) throw error;
        options.onRetry(error);
        if (performance.now() - startedMs + pauseMs > options.retryMsMax) {
          throw new Failure(
            { reason: "STORE_UNAVAILABLE", retryAfterMs: RETRY_LONGEST_MS },
            { cause: error },
          );
        }
        await pause(pauseMs);
      }
    }
  };
  return {
    read: (work) => persist(() => work(kysely)),
    transaction: (work) => persist(() => kysely.transaction().execute(work)),
    isReachable: () =>
      sql`select 1`.execute(kysely).then(
        () => true,
        () => false,
      ),
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const codeOf = (error: unknown): string => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
};

/** Serialization failure, deadlock: the database chose this transaction to give way. */
const isConflict = (error: unknown): boolean => ["40001", "40P01"].includes(codeOf(error));

/**
 * The database cannot be reached, is starting or stopping, or is out of something that may come back: connections,
 * disk, memory. Classes 08, 53, 57P and 58 of PostgreSQL's error codes, the errors of sockets, and the texts that pg
 * gives where it has no code.
 */
const isOutage = (error: unknown): boolean =>
  error instanceof NoAnswer ||
  /^(08|53|57P|58|25006)/.test(codeOf(error)) ||
  /^E(CONN|PIPE|HOST|NET|TIMEDOUT|AI_)/.test(codeOf(error)) ||
  codeOf(error).startsWith("ENOTFOUND") ||
  (error instanceof Error &&
    /Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|not queryable/.test(
      error.message,
    ));
