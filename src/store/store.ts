import { backoffMs } from "../domain/backoff.ts";
import { Failure } from "../domain/errors.ts";
import type { Connection } from "./connection.ts";
import type { Database } from "./database.ts";
import { isConflict, isLockTimeout, isOutage, LockTimeout } from "./outage.ts";
import { type OutageListener, watchOutages } from "./outage-watch.ts";
import { isFit } from "./requirements.ts";

/**
 * Runs work on the database, and retries it when the database has failed. All methods throw STORE_UNAVAILABLE when the database
 * keeps failing.
 */
export interface Store {
  /** Runs work that changes nothing. */
  read<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  /** Runs one statement that changes something. It must be idempotent, because it may run more than once. */
  write<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  /**
   * Runs work in one transaction. The work must be idempotent, because it may run more than once.
   *
   * @throws LockTimeout when a statement waits for a lock for `lockTimeoutMs`. Without this option, a lock timeout counts as a
   *   failure of the database.
   */
  transaction<T>(
    work: (connection: Connection) => Promise<T>,
    options?: { lockTimeoutMs?: number },
  ): Promise<T>;
  /** Whether the database works at the moment. Resolves within a second. */
  isReachable(): Promise<boolean>;
}

const RETRY = { firstMs: 10, longestMs: 500 };
/** Retries after a serialization failure or a deadlock, at most. */
const CONFLICTS_MAX = 20;
const PROBE_MS_MAX = 1_000;

/**
 * @param options.retryMsMax How long work is retried while the database fails. Then STORE_UNAVAILABLE is thrown.
 * @param options.onRetry Called with each failure of the database.
 */
export function createStore(
  options: {
    database: Pick<Database, "kysely"> & Partial<Pick<Database, "withLockTimeout" | "foundReadOnly">>;
    retryMsMax: number;
    onRetry?: (error: unknown) => void;
  } & OutageListener,
): Store {
  const { database, retryMsMax } = options;
  const { kysely } = database;
  const outages = watchOutages(options);
  const withRetries = async <T>(work: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    let failures = 0;
    let conflicts = 0;
    for (;;) {
      try {
        const result = await work();
        outages.succeeded();
        return result;
      } catch (error) {
        if (isConflict(error)) {
          if (++conflicts > CONFLICTS_MAX) throw unavailable(error);
          await pause(backoffMs(conflicts - 1, RETRY, Math.random()));
          continue;
        }
        if (!isOutage(error)) throw error;
        outages.failed(error);
        options.onRetry?.(error);
        const pauseMs = backoffMs(failures++, RETRY, Math.random());
        if (performance.now() - startedMs + pauseMs > retryMsMax) throw unavailable(error);
        await pause(pauseMs);
      }
    }
  };
  const transaction = async <T>(
    work: (connection: Connection) => Promise<T>,
    lockTimeoutMs: number | undefined,
  ): Promise<T> => {
    if (lockTimeoutMs === undefined) return kysely.transaction().execute(work);
    try {
      const limited = database.withLockTimeout?.(lockTimeoutMs) ?? kysely;
      return await limited.transaction().execute(work);
    } catch (error) {
      throw isLockTimeout(error) ? new LockTimeout(lockTimeoutMs, { cause: error }) : error;
    }
  };
  let probe: Promise<boolean> | undefined;
  return {
    read: (work) => withRetries(() => work(kysely)),
    write: (work) => withRetries(() => work(kysely)),
    transaction: (work, { lockTimeoutMs } = {}) => withRetries(() => transaction(work, lockTimeoutMs)),
    async isReachable() {
      if (outages.isFailing) return false;
      // Callers share a probe that is still running.
      probe ??= isFit(kysely, () => database.foundReadOnly?.()).finally(() => {
        probe = undefined;
      });
      const late = Promise.withResolvers<boolean>();
      const timer = setTimeout(late.resolve, PROBE_MS_MAX, false);
      return Promise.race([probe, late.promise]).finally(() => clearTimeout(timer));
    },
  };
}

const unavailable = (cause: unknown): Failure =>
  new Failure({ reason: "STORE_UNAVAILABLE", retryAfterMs: RETRY.longestMs }, { cause });

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
