/** Work that is done on many items at the cost of little more than one. */
export interface Groups<Item, Result> {
  /** Items that wait for a group. */
  readonly waiting: number;
  /** Whether nothing waits and nothing is at work. */
  readonly isIdle: boolean;
  /** Rejects with what `work` throws. */
  submit(item: Item): Promise<Result>;
  /** Resolves when everything submitted so far has its result. */
  drain(): Promise<void>;
}

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result | Promise<Result>) => void;
  reject: (error: unknown) => void;
}

/**
 * Items that arrive while groups are at work share the next one. There is no timer: an item that finds a place free starts
 * at once.
 *
 * @param options.isAlone Whether an item needs a group of its own.
 * @param options.work Does a group, and gives one result for each item, in order. A result may be a promise: its group ends,
 *   and the item's submitter waits on.
 */
export function createGroups<Item, Result>(options: {
  itemsMax: number;
  inFlightMax: number;
  isAlone?: (item: Item) => boolean;
  work: (items: readonly Item[]) => Promise<readonly (Result | Promise<Result>)[]>;
}): Groups<Item, Result> {
  const { itemsMax, inFlightMax, isAlone } = options;
  const queue: Waiting<Item, Result>[] = [];
  /** How many items of the queue need a group of their own: the queue is searched only where there are some. */
  let alone = 0;
  let inFlight = 0;
  let pumpScheduled = false;
  let drained: (() => void)[] = [];

  const schedulePump = (): void => {
    if (pumpScheduled) return;
    pumpScheduled = true;
    // When all that has arrived is read: what comes together travels together, also where the work itself never lets the
    // event loop turn, as with a database in the process.
    setImmediate(() => {
      pumpScheduled = false;
      pump();
    });
  };

  const pump = (): void => {
    while (queue.length > 0 && inFlight < inFlightMax) void run(take());
    if (queue.length > 0 || inFlight > 0) return;
    for (const resolve of drained.splice(0)) resolve();
  };

  const take = (): Waiting<Item, Result>[] => {
    if (alone === 0 || isAlone === undefined) return queue.splice(0, itemsMax);
    const first = queue.slice(0, itemsMax).findIndex(({ item }) => isAlone(item));
    if (first === 0) alone--;
    return queue.splice(0, first === 0 ? 1 : first < 0 ? itemsMax : first);
  };

  const run = async (group: readonly Waiting<Item, Result>[]): Promise<void> => {
    inFlight++;
    try {
      const results = await options.work(group.map(({ item }) => item));
      group.forEach(({ resolve }, index) => resolve(results[index] as Result | Promise<Result>));
    } catch (error) {
      for (const { reject } of group) reject(error);
    } finally {
      inFlight--;
      schedulePump();
    }
  };

  return {
    get waiting() {
      return queue.length;
    },
    get isIdle() {
      return queue.length === 0 && inFlight === 0;
    },
    submit: (item) =>
      new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject });
        if (isAlone?.(item) === true) alone++;
        schedulePump();
      }),
    drain: () =>
      new Promise((resolve) => {
        drained = [...drained, resolve];
        schedulePump();
      }),
  };
}
