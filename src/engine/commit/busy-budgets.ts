import { createGroups, type Groups } from "../groups.ts";

/**
 * Operations on busy budgets: those that another session has locked, and those with more expired holds than one transaction
 * ends. They wait here, each budget in a queue of its own, so that operations on all other budgets go on.
 */
export interface BusyBudgets<Item, Result> {
  /** Operations that wait here. */
  readonly waiting: number;
  /** Whether a budget is busy, by its key. */
  has(key: string): boolean;
  /** The first of these keys whose budget is busy. */
  find(keys: Iterable<string>): string | undefined;
  /** Puts an operation into the queue of a budget, which is busy from now on until its queue is empty. */
  add(key: string, item: Item): Promise<Result>;
  /** Resolves when nothing waits any more. */
  drain(): Promise<void>;
}

/** Budgets that are tried at the same time, at most: each needs a connection while it waits for a lock. */
const AT_WORK_MAX = 2;

/**
 * @param work Does the operations of one budget, however long that takes. It gives one result for each, in order. `turn` runs
 *   one attempt, when fewer than two budgets have one under way.
 */
export function createBusyBudgets<Item, Result>(options: {
  itemsMax: number;
  isAlone: (item: Item) => boolean;
  work: (key: string, items: readonly Item[], turn: Turn) => Promise<readonly Result[]>;
}): BusyBudgets<Item, Result> {
  const queues = new Map<string, Groups<Item, Result>>();
  const turn = createTurns(AT_WORK_MAX);
  let waiting = 0;

  const queueOf = (key: string): Groups<Item, Result> => {
    const { itemsMax, isAlone } = options;
    const queue =
      queues.get(key) ??
      createGroups<Item, Result>({
        itemsMax,
        isAlone,
        inFlightMax: 1,
        work: (items) => options.work(key, items, turn),
      });
    queues.set(key, queue);
    return queue;
  };

  return {
    get waiting() {
      return waiting;
    },
    has: (key) => queues.has(key),
    find(keys) {
      if (queues.size === 0) return undefined;
      for (const key of keys) if (queues.has(key)) return key;
      return undefined;
    },
    async add(key, item) {
      waiting++;
      const queue = queueOf(key);
      try {
        return await queue.submit(item);
      } finally {
        waiting--;
        // The next turn of the event loop: those that came with it have their results by then.
        setImmediate(() => queue.isIdle && queues.get(key) === queue && queues.delete(key));
      }
    },
    async drain() {
      while (queues.size > 0) {
        await Promise.all([...queues.values()].map((queue) => queue.drain()));
        await new Promise(setImmediate);
      }
    },
  };
}

/** Runs an attempt in its turn. */
export type Turn = <T>(attempt: () => Promise<T>) => Promise<T>;

function createTurns(atOnceMax: number): Turn {
  const waiting: (() => void)[] = [];
  let atWork = 0;
  return async (attempt) => {
    if (atWork >= atOnceMax) await new Promise<void>((resolve) => waiting.push(resolve));
    else atWork++;
    try {
      return await attempt();
    } finally {
      const next = waiting.shift();
      if (next === undefined) atWork--;
      else next();
    }
  };
}
