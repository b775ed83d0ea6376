import { Failure } from "../domain/errors.ts";
import { BANDS, bandOf } from "./bands.ts";
import { createFairQueue, type FairQueue } from "./fair-queue.ts";
import type { CountWork, FromThread } from "./protocol.ts";
import { startThread, type Thread } from "./thread.ts";

/** Decides which works the threads have, and replaces threads that die. */
export interface Dispatcher extends AsyncDisposable {
  /** Works that wait or that a thread has, those that are being given up included. */
  readonly size: number;
  /** The number of tokens. Throws a Failure: CANCELLED after `cancel`, INTERNAL when a thread died of the work. */
  count(work: CountWork, onGone: () => void): Job;
}

export interface Job {
  readonly tokens: Promise<number>;
  /** Gives the work up: at once when no thread has it, otherwise after the turn that the thread is at. */
  cancel: () => void;
}

interface Pending extends PromiseWithResolvers<number> {
  readonly caller: string;
  readonly cost: number;
  readonly work: CountWork;
  readonly band: number;
  /** Called once, when the work takes no room any more. */
  readonly onGone: () => void;
  lane: Lane | undefined;
  cancelled: boolean;
  overdue: NodeJS.Timeout | undefined;
}

/** A place for a thread, and what the thread has. */
class Lane {
  thread: Thread;
  readonly given = new Map<number, Pending>();
  /** How many of each band. */
  readonly bands: number[] = BANDS.map(() => 0);
  cost = 0;
  /** The thread does not answer, and is being stopped. */
  overdue = false;
  readonly #start: (lane: Lane) => Thread;

  constructor(start: (lane: Lane) => Thread) {
    this.#start = start;
    this.thread = start(this);
  }

  replaceThread(): void {
    this.overdue = false;
    this.thread = this.#start(this);
  }

  add(pending: Pending): void {
    pending.lane = this;
    this.given.set(pending.work.id, pending);
    this.bands[pending.band]!++;
    this.cost += pending.cost;
  }

  remove(pending: Pending): void {
    pending.lane = undefined;
    this.given.delete(pending.work.id);
    this.bands[pending.band]!--;
    this.cost -= pending.cost;
  }
}

export interface DispatcherOptions {
  threads: number;
  workerFile: URL;
  /** How long a thread may take to give up a work. A step takes milliseconds, so such a thread is broken, and replaced. */
  cancelGraceMs: number;
}

/**
 * Threads work on what they have in turns (turns.ts), so they are only given what they may soon work on (bands.ts); the
 * rest waits in queues in which callers have equal shares.
 *
 * This is not piscina's, which we looked at (5.3): it stops a running task by ending its thread, and a task that has begun
 * keeps its thread until it ends, so a short text would wait for a long one.
 */
export function createDispatcher({ threads, workerFile, cancelGraceMs }: DispatcherOptions): Dispatcher {
  const queues: FairQueue<Pending>[] = BANDS.map(({ costMax }) => createFairQueue(costMax));
  const pendings = new Set<Pending>();
  let disposed = false;

  /** The work is no longer anywhere. */
  const forget = (pending: Pending): void => {
    clearTimeout(pending.overdue);
    pendings.delete(pending);
    pending.onGone();
  };

  const onAnswer = (lane: Lane, { id, tokens }: FromThread): void => {
    const pending = lane.given.get(id);
    if (disposed || pending === undefined) return;
    lane.remove(pending);
    if (tokens !== undefined) pending.resolve(tokens);
    forget(pending);
    giveOut();
  };

  /** Fails the work that the thread died of; the others wait for a thread again. */
  const onEnd = (lane: Lane, atWork: number, cause: unknown): void => {
    if (disposed) return;
    const given = [...lane.given.values()];
    // A thread that died by itself before it was at a work would die before the next one, too, so all it had fail.
    const all = !lane.overdue && !lane.given.has(atWork);
    const isLost = ({ work, cancelled }: Pending): boolean => all || cancelled || work.id === atWork;
    const lost = given.filter(isLost);
    for (const pending of given) {
      lane.remove(pending);
      if (!lost.includes(pending)) queues[pending.band]!.add(pending);
    }
    for (const pending of lost) {
      pending.reject(new Failure({ reason: "INTERNAL" }, { cause }));
      forget(pending);
    }
    // Replaced at once, so that the next work finds a warm thread. Without work, it may be that threads cannot start.
    if (given.length > 0) lane.replaceThread();
    giveOut();
  };

  /** Gives threads what they have room for, the shortest first, and each to the thread with the least to do. */
  const giveOut = (): void => {
    for (const [band, queue] of queues.entries()) {
      while (queue.size > 0) {
        const lane = leastBusy(lanes, band);
        if (lane === undefined) break;
        const pending = queue.take();
        if (pending === undefined) break;
        if (lane.thread.ended) lane.replaceThread();
        lane.add(pending);
        lane.thread.give(pending.work);
      }
    }
  };

  const cancel = (pending: Pending): void => {
    if (!pendings.has(pending) || pending.cancelled) return;
    pending.cancelled = true;
    pending.reject(new Failure({ reason: "CANCELLED" }));
    const { lane } = pending;
    if (lane === undefined) {
      queues[pending.band]!.remove(pending);
      forget(pending);
      return;
    }
    lane.thread.cancel(pending.work.id);
    pending.overdue = setTimeout(() => {
      lane.overdue = true;
      void lane.thread.stop();
    }, cancelGraceMs);
  };

  const start = (lane: Lane): Thread =>
    startThread(workerFile, {
      onAnswer: (answer) => onAnswer(lane, answer),
      onEnd: (atWork, cause) => onEnd(lane, atWork, cause),
    });
  const lanes = Array.from({ length: threads }, () => new Lane(start));
  return {
    get size() {
      return pendings.size;
    },
    count(work, onGone) {
      const { caller, cost } = work;
      const band = bandOf(cost);
      const pending: Pending = {
        ...Promise.withResolvers<number>(),
        caller,
        cost,
        work,
        band,
        onGone,
        lane: undefined,
        cancelled: false,
        overdue: undefined,
      };
      pendings.add(pending);
      queues[band]!.add(pending);
      giveOut();
      return { tokens: pending.promise, cancel: () => cancel(pending) };
    },
    async [Symbol.asyncDispose]() {
      disposed = true;
      for (const pending of pendings) {
        pending.reject(new Failure({ reason: "CANCELLED" }));
        forget(pending);
      }
      await Promise.all(lanes.map(({ thread }) => thread.stop()));
    },
  };
}

function leastBusy(lanes: readonly Lane[], band: number): Lane | undefined {
  let found: Lane | undefined;
  for (const lane of lanes) {
    if (lane.bands[band]! >= BANDS[band]!.perThread) continue;
    if (found === undefined || lane.cost < found.cost) found = lane;
  }
  return found;
}
