import { setTimeout as sleep } from "node:timers/promises";
import { ConnectError } from "@connectrpc/connect";
import { isRateExceeded, isUnavailable, PurserUnavailableError } from "../errors.ts";
import { retryDelayMs } from "../retry-delay.ts";

/** Makes one charge. It may be called many times. */
export type Job = () => Promise<void>;

/** Makes charges, and keeps those that fail because Purser is unavailable or a limit of the key is reached. */
export interface ChargeQueue {
  /** Whether the maximum number of charges is waiting. Charges of calls in progress are accepted even so. */
  readonly isFull: boolean;
  /** Tries a charge once, and keeps it if a retry may succeed. Never rejects. */
  run(job: Job): Promise<void>;
  /**
   * Waits for the charges in progress and retries the waiting ones; above a limit of the key, as often as that makes
   * progress. Throws PurserUnavailableError if some still wait.
   */
  flush(): Promise<void>;
  /** Stops the retries in the background. */
  stop(): void;
}

const DELAY_MS_MIN = 200;
const DELAY_MS_MAX = 5_000;

export interface ChargeQueueOptions {
  waitingMax: number;
  /**
   * Called with the error of a charge that Purser refused. It is not retried. A refused key is final too: a revoked or
   * expired key never works again, and the client keeps its key.
   */
  onLost: (error: unknown) => void;
  /** Waits before a retry. Rejects when the signal is aborted. Tests replace it. */
  pause?: (ms: number, options: PauseOptions) => Promise<void>;
}

export interface PauseOptions {
  signal?: AbortSignal;
  /**
   * Whether the timer keeps the program alive. False for retries in the background: a program that must not lose charges
   * calls flush().
   */
  ref: boolean;
}

/** How often a flush retries above a limit of the key without any progress. */
const FLUSHES_IN_VAIN_MAX = 10;

export function createChargeQueue({
  waitingMax,
  onLost,
  pause = (ms, timer) => sleep(ms, undefined, timer),
}: ChargeQueueOptions): ChargeQueue {
  const waiting: Job[] = [];
  const underWay = new Set<Promise<unknown>>();
  const stopped = new AbortController();
  let draining: Promise<void> | undefined;
  let inBackground = false;
  /** The delay that Purser asked for when it last failed a charge. */
  let askedMs = 0;
  /** Whether Purser last failed a charge because of a limit of the key. */
  let isLimited = false;

  /** @returns Whether the charge is finished: Purser accepted it, or refused it permanently. */
  const attempt = async (job: Job): Promise<boolean> => {
    try {
      await job();
    } catch (thrown) {
      const error = ConnectError.from(thrown);
      askedMs = retryDelayMs(error) ?? 0;
      isLimited = isRateExceeded(error);
      if (isLimited || isUnavailable(error)) return false;
      // An error thrown by onLost becomes an unhandled rejection.
      void (async () => onLost(thrown))();
    }
    return true;
  };
  /** Makes the waiting charges in order, until one fails because Purser is unavailable. */
  const makeAll = async (): Promise<void> => {
    for (let job = waiting[0]; job !== undefined && (await attempt(job)); job = waiting[0]) waiting.shift();
  };
  const drain = (): Promise<void> => {
    draining ??= makeAll().finally(() => {
      draining = undefined;
    });
    return draining;
  };
  const retry = async (): Promise<void> => {
    if (inBackground) return;
    inBackground = true;
    for (let delayMs = DELAY_MS_MIN; waiting.length > 0 && !stopped.signal.aborted; delayMs *= 2) {
      const pauseMs = Math.max(Math.min(delayMs, DELAY_MS_MAX), askedMs);
      await pause(pauseMs, { signal: stopped.signal, ref: false }).catch(() => {});
      if (!stopped.signal.aborted) await drain();
    }
    inBackground = false;
  };
  /** Makes the waiting charges, and waits while a limit of the key lets some of them through. */
  const drainLimited = async (): Promise<void> => {
    await drain();
    for (let inVain = 0; waiting.length > 0 && isLimited && inVain < FLUSHES_IN_VAIN_MAX; inVain++) {
      const before = waiting.length;
      await pause(Math.max(DELAY_MS_MIN, askedMs), { ref: true });
      await drain();
      if (waiting.length < before) inVain = 0;
    }
  };
  const keep = (job: Job): void => {
    waiting.push(job);
    void retry();
  };

  return {
    get isFull() {
      return waiting.length >= waitingMax;
    },
    async run(job) {
      // If other charges wait, Purser is unavailable, so this one waits too.
      if (waiting.length > 0) return keep(job);
      const attempting = attempt(job);
      underWay.add(attempting);
      if (!(await attempting)) keep(job);
      underWay.delete(attempting);
    },
    async flush() {
      while (underWay.size > 0) await Promise.all(underWay);
      // A charge that is already being tried may fail because of an earlier outage, so all are tried once more.
      await draining;
      await drainLimited();
      if (waiting.length === 0) return;
      const why = isLimited ? ": a limit of the key is reached" : ", which cannot be reached";
      throw new PurserUnavailableError(`${waiting.length} charges are waiting for Purser${why}`);
    },
    stop: () => stopped.abort(),
  };
}
