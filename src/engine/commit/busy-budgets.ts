import { createGroups, type Groups } from "../groups.ts";

/**
 * Operations that wait for a busy budget. A budget is busy when another session holds its lock, or when it has more expired
 * holds than one transaction can end. Each busy budget has its own queue, so operations on other budgets do not wait.
 */
export interface BusyBudgets<Item, Result> {
  /** How many operations have been added and have no result yet. */
  readonly waiting: number;
  /** The `budgetKey` of each busy budget. */
  keys(): ReadonlySet<string>;
  /** The first of these keys whose budget is busy. */
  find(keys: Iterable<string>): string | undefined;
  /** Puts an operation into the queue of a budget. The budget counts as busy until its queue is empty. */
  add(key: string, item: Item): Promise<Result>;
  /** Resolves when all queues are empty. */
  drain(): Promise<void>;
}

/** Attempts that run at the same time, at most. Each occupies a connection while it waits for a lock. */
const ATTEMPTS_AT_ONCE_MAX = 2;

/**
 * @param options.work Commits operations of one budget. It may take long. It returns one result for each, in order. It passes
 *   each attempt to `turn`, which runs it when fewer than two attempts are running.
 */
export function createBusyBudgets<Item, Result>(options: {
  itemsMax: number;
  isAlone: (item: Item) => boolean;
  work: (key: string, items: readonly Item[], turn: Turn) => Promise<readonly Result[]>;
}): BusyBudgets<Item, Result> {
  const queues = new Map<string, Groups<Item, Result>>();
  const turn = createTurns(ATTEMPTS_AT_ONCE_MAX);
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
    keys: () => new Set(queues.keys()),
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
        // All items of a group get their results in one turn of the event loop. In the next one, the queue may be idle.
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

/** Waits until an attempt may run, and runs it. */
export type Turn = <T>(attempt: () => Promise<T>) => Promise<T>;

function createTurns(atOnceMax: number): Turn {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (attempt) => {
    if (running >= atOnceMax) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await attempt();
    } finally {
      const next = waiting.shift();
      // Otherwise the next attempt takes this one's place, and the count stays.
      if (next === undefined) running--;
      else next();
    }
  };
}
