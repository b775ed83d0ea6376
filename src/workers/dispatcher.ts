import { Failure } from "../domain/errors.ts";
import { createFairQueue, type FairQueue } from "../domain/fair-queue.ts";
import { BANDS, bandOf } from "./bands.ts";
import type { CountWork, FromThread } from "./protocol.ts";
import { startThread, type Thread } from "./thread.ts";

/** Assigns work items to threads, and replaces threads that die. */
export interface Dispatcher extends AsyncDisposable {
  /** The number of queued and assigned items, including those that are being cancelled. */
  readonly size: number;
  /** Counts tokens. Throws a Failure: CANCELLED after `cancel`, INTERNAL if the item killed its thread. */
  count(work: CountWork, onGone: () => void): Job;
}

export interface Job {
  readonly tokens: Promise<number>;
  /** Cancels the item: at once if no thread has it, else at the end of the thread's current turn. */
  cancel: () => void;
}

interface Pending extends PromiseWithResolvers<number> {
  readonly caller: string;
  readonly cost: number;
  readonly work: CountWork;
  readonly band: number;
  /** Called once, when the item no longer takes room. */
  readonly onGone: () => void;
  lane: Lane | undefined;
  cancelled: boolean;
  overdue: NodeJS.Timeout | undefined;
}

/** A slot for a thread, with the items assigned to the thread. */
class Lane {
  thread: Thread;
  readonly given = new Map<number, Pending>();
  /** The number of assigned items, by band. */
  readonly bands: number[] = BANDS.map(() => 0);
  cost = 0;
  /** The thread did not answer in time and is being stopped. */
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
  /**
   * The time a thread may take to cancel an item. A step takes milliseconds, so a slower thread is broken and is
   * replaced.
   */
  cancelGraceMs: number;
}

/**
 * Threads work on their items in turns (turns.ts), so they only get items that they can soon work on (bands.ts). The
 * other items wait in queues, in which all callers have equal shares.
 *
 * Why not piscina (we looked at 5.3): it cancels a running task by ending its thread, and a task keeps its thread until
 * it ends, so a short text would wait for a long one.
 */
export function createDispatcher({ threads, workerFile, cancelGraceMs }: DispatcherOptions): Dispatcher {
  const queues: FairQueue<Pending>[] = BANDS.map(({ costMax }) => createFairQueue(costMax));
  const pendings = new Set<Pending>();
  let disposed = false;

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

  /** Fails the item that killed the thread, and queues the thread's other items again. */
  const onEnd = (lane: Lane, atWork: number, cause: unknown): void => {
    if (disposed) return;
    const given = [...lane.given.values()];
    // If the thread died before it started an item, the next thread would die in the same way, so all its items fail.
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
    // Start the new thread at once, so that the next item finds a warm one. If this one had no items, a new one may not
    // start either.
    if (given.length > 0) lane.replaceThread();
    giveOut();
  };

  /** Assigns queued items to threads with room, the shortest items first, each to the least busy thread. */
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
