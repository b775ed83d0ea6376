/** Does work on groups of items, for work on which a group costs little more than one item. */
export interface Groups<Item, Result> {
  /** How many items are in the queue. */
  readonly waiting: number;
  /** Whether the queue is empty and no group is running. */
  readonly isIdle: boolean;
  /** Resolves with the item's result. Rejects with the error that `work` throws for its group. */
  submit(item: Item): Promise<Result>;
  /** Resolves when the queue is empty and no group is running. */
  drain(): Promise<void>;
}

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result | Promise<Result>) => void;
  reject: (error: unknown) => void;
}

/**
 * Items that arrive while `inFlightMax` groups are running share the next group. There is no timer: if fewer groups are
 * running, an item starts in the same turn of the event loop.
 *
 * @param options.itemsMax Items in one group, at most.
 * @param options.inFlightMax Groups that run at the same time, at most.
 * @param options.isAlone Whether an item needs a group of its own.
 * @param options.work Does the work of a group, and returns one result for each item, in order. A result may be a promise.
 *   Then the group ends without waiting for it, and only the submitter of the item waits.
 */
export function createGroups<Item, Result>(options: {
  itemsMax: number;
  inFlightMax: number;
  isAlone?: (item: Item) => boolean;
  work: (items: readonly Item[]) => Promise<readonly (Result | Promise<Result>)[]>;
}): Groups<Item, Result> {
  const { itemsMax, inFlightMax, isAlone } = options;
  const queue: Waiting<Item, Result>[] = [];
  let inFlight = 0;
  let pumpScheduled = false;
  let drained: (() => void)[] = [];

  const schedulePump = (): void => {
    if (pumpScheduled) return;
    pumpScheduled = true;
    // setImmediate runs after all input that has arrived is read, so items that arrive together are in one group. This works
    // also when `work` never yields to the event loop, as with an embedded database.
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
    const first =
      isAlone === undefined ? -1 : queue.slice(0, itemsMax).findIndex(({ item }) => isAlone(item));
    return queue.splice(0, first < 0 ? itemsMax : Math.max(1, first));
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
        schedulePump();
      }),
    drain: () =>
      new Promise((resolve) => {
        drained = [...drained, resolve];
        schedulePump();
      }),
  };
}
