/** Work that is done on many items at the cost of little more than one. */
export interface Groups<Item, Result> {
  /** Items that wait for a group. */
  readonly waiting: number;
  /** Rejects with what `work` throws. */
  submit(item: Item): Promise<Result>;
  /** Resolves when everything submitted so far has its result. */
  drain(): Promise<void>;
}

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/**
 * Items that arrive while groups are at work share the next one. There is no timer: an item that finds a place free starts
 * at once.
 *
 * @param options.work Does a group, and gives one result for each item, in order.
 */
export function createGroups<Item, Result>(options: {
  itemsMax: number;
  inFlightMax: number;
  work: (items: readonly Item[]) => Promise<readonly Result[]>;
}): Groups<Item, Result> {
  const queue: Waiting<Item, Result>[] = [];
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
    while (queue.length > 0 && inFlight < options.inFlightMax) void run(queue.splice(0, options.itemsMax));
    if (queue.length > 0 || inFlight > 0) return;
    for (const resolve of drained.splice(0)) resolve();
  };

  const run = async (group: readonly Waiting<Item, Result>[]): Promise<void> => {
    inFlight++;
    try {
      const results = await options.work(group.map(({ item }) => item));
      group.forEach(({ resolve }, index) => resolve(results[index] as Result));
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
