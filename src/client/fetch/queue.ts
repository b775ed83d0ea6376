import { setTimeout as sleep } from "node:timers/promises";
import { ConnectError } from "@connectrpc/connect";
import { isUnavailable, PurserUnavailableError } from "../errors.ts";

/** A charge to make, which may be tried many times. */
export type Job = () => Promise<void>;

/** Makes charges, and keeps those that cannot be made because Purser is away. */
export interface ChargeQueue {
  /** Whether as many charges wait as may. Those of calls under way are taken all the same. */
  readonly isFull: boolean;
  /** Tries a charge once, and keeps it where Purser is away. Never rejects. */
  run(job: Job): Promise<void>;
  /** Waits for what is under way, and tries what waits. Throws PurserUnavailableError where charges still wait. */
  flush(): Promise<void>;
  /** Ends the tries in the background. */
  stop(): void;
}

const DELAY_MS_MIN = 200;
const DELAY_MS_MAX = 5_000;

/** @param options.onLost Told of a charge that Purser refused, and which is not tried again. */
export function createChargeQueue(options: {
  waitingMax: number;
  onLost: (error: unknown) => void;
}): ChargeQueue {
  const waiting: Job[] = [];
  const underWay = new Set<Promise<unknown>>();
  const stopped = new AbortController();
  let draining: Promise<void> | undefined;
  let inBackground = false;

  /** @returns Whether Purser took the charge, or refused it for good. */
  const attempt = async (job: Job): Promise<boolean> => {
    try {
      await job();
    } catch (thrown) {
      if (isUnavailable(ConnectError.from(thrown))) return false;
      // What it throws is its own affair.
      void (async () => options.onLost(thrown))();
    }
    return true;
  };
  /** In the order in which they came, until one cannot be made. */
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
      // A program that has nothing else to do may end: it calls flush() where it must not.
      await sleep(Math.min(delayMs, DELAY_MS_MAX), undefined, { ref: false, signal: stopped.signal }).catch(
        () => {},
      );
      if (!stopped.signal.aborted) await drain();
    }
    inBackground = false;
  };
  const keep = (job: Job): void => {
    waiting.push(job);
    void retry();
  };

  return {
    get isFull() {
      return waiting.length >= options.waitingMax;
    },
    async run(job) {
      // Where others wait, Purser is away, and nobody need find that out again.
      if (waiting.length > 0) return keep(job);
      const attempting = attempt(job);
      underWay.add(attempting);
      if (!(await attempting)) keep(job);
      underWay.delete(attempting);
    },
    async flush() {
      while (underWay.size > 0) await Promise.all(underWay);
      // What is tried already may fail of what has passed by now.
      await draining;
      await drain();
      if (waiting.length === 0) return;
      throw new PurserUnavailableError(`${waiting.length} charges wait for Purser, which cannot be reached`);
    },
    stop: () => stopped.abort(),
  };
}
