import { backoffMs } from "../domain/backoff.ts";
import { Failure } from "../domain/errors.ts";
import type { Connection } from "./connection.ts";
import type { Database } from "./database.ts";
import { isConflict, isLockTimeout, isOutage, LockTimeout } from "./outage.ts";
import { type OutageListener, watchOutages } from "./outage-watch.ts";
import { isFit } from "./requirements.ts";

/** Runs work on the database, again where the database and not the work failed. */
export interface Store {
  /** Work that changes nothing. */
  read<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  /** One statement that changes something. It may run more than once, and must not mind. */
  write<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  /**
   * Work in one transaction: all of it happens, or none. It may run more than once, and must not mind.
   *
   * @throws LockTimeout when a statement waits for a lock for `lockTimeoutMs`. Without it, that counts as a failure of the
   *   database.
   */
  transaction<T>(
    work: (connection: Connection) => Promise<T>,
    options?: { lockTimeoutMs?: number },
  ): Promise<T>;
  /** Whether the database does now what it is asked. Answers within a second. */
  isReachable(): Promise<boolean>;
}

const RETRY = { firstMs: 10, longestMs: 500 };
/** How often a transaction gives way to others. */
const CONFLICTS_MAX = 20;
const PROBE_MS_MAX = 1_000;

/**
 * @param retryMsMax How long work is tried again while the database fails. Then STORE_UNAVAILABLE is thrown.
 * @param onRetry Told of each failure of the database.
 */
export function createStore(
  options: {
    database: Pick<Database, "kysely"> & Partial<Pick<Database, "withLockTimeout">>;
    retryMsMax: number;
    onRetry?: (error: unknown) => void;
  } & OutageListener,
): Store {
  const { database, retryMsMax } = options;
  const { kysely } = database;
  const outages = watchOutages(options);
  const persist = async <T>(work: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    let failures = 0;
    let conflicts = 0;
    for (;;) {
      try {
        const result = await work();
        outages.answered();
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
    read: (work) => persist(() => work(kysely)),
    write: (work) => persist(() => work(kysely)),
    transaction: (work, { lockTimeoutMs } = {}) => persist(() => transaction(work, lockTimeoutMs)),
    async isReachable() {
      if (outages.isFailing) return false;
      // One that has no answer yet need not be followed by another.
      probe ??= isFit(kysely).finally(() => {
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
