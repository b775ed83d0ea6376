export interface Queued {
  readonly caller: string;
  readonly cost: number;
}

/** Items that wait, taken so that callers who all have items get equal shares of the cost. */
export interface FairQueue<Item extends Queued> {
  readonly size: number;
  /** Callers that have items. Nothing is remembered of the others. */
  readonly callers: number;
  add(item: Item): void;
  /** Removes an item; false when it is not there. */
  remove(item: Item): boolean;
  take(): Item | undefined;
}

interface Caller<Item> {
  /** First in, first out: the items of a queue are about the same size, and none waits for ever. */
  items: Set<Item>;
  /** What the caller's turns were worth, less what it took. */
  credit: number;
  onTurn: boolean;
}

/** Turns that the largest item takes. More would share more finely, and look at each caller more often. */
const TURNS_MAX = 16;

/**
 * Deficit round robin: callers take turns, each turn is worth some cost, and a caller takes an item once its turns are
 * worth that. One that joins is the last to have a turn. An item that costs more than `costMax` counts as that.
 */
export function createFairQueue<Item extends Queued>(costMax: number): FairQueue<Item> {
  const turnCost = costMax / TURNS_MAX;
  // In the order of turns.
  const callers = new Map<string, Caller<Item>>();
  let size = 0;

  const removeFrom = (name: string, caller: Caller<Item>, item: Item): boolean => {
    if (!caller.items.delete(item)) return false;
    size--;
    if (caller.items.size === 0) callers.delete(name);
    return true;
  };

  return {
    get size() {
      return size;
    },
    get callers() {
      return callers.size;
    },
    add(item) {
      let caller = callers.get(item.caller);
      if (caller === undefined) {
        caller = { items: new Set(), credit: 0, onTurn: false };
        callers.set(item.caller, caller);
      }
      caller.items.add(item);
      size++;
    },
    remove(item) {
      const caller = callers.get(item.caller);
      return caller !== undefined && removeFrom(item.caller, caller, item);
    },
    take() {
      for (const [name, caller] of callers) {
        const [item] = caller.items;
        if (item === undefined) continue;
        if (!caller.onTurn) caller.credit += turnCost;
        caller.onTurn = true;
        const cost = Math.min(item.cost, costMax);
        if (cost <= caller.credit) {
          caller.credit -= cost;
          removeFrom(name, caller, item);
          return item;
        }
        caller.onTurn = false;
        callers.delete(name);
        callers.set(name, caller);
      }
      return undefined;
    },
  };
}
