export interface Queued {
  readonly caller: string;
  readonly cost: number;
}

/** A queue of items. Callers with queued items get equal shares of the cost. */
export interface FairQueue<Item extends Queued> {
  readonly size: number;
  /** The number of callers with queued items. The queue keeps no state for other callers. */
  readonly callers: number;
  add(item: Item): void;
  /** Removes an item. Returns false if it is not queued. */
  remove(item: Item): boolean;
  take(): Item | undefined;
}

interface Caller<Item> {
  /** First in, first out. The items of one queue have similar sizes, and no item waits forever. */
  items: Set<Item>;
  /** The cost credited to the caller's turns, minus the cost of the items taken. */
  credit: number;
  onTurn: boolean;
}

/** The number of turns that the largest item takes. More turns share more evenly but visit each caller more often. */
const TURNS_MAX = 16;

/**
 * Deficit round robin: callers take turns, each turn adds credit, and an item is taken when the caller's credit covers
 * its cost. A new caller gets its first turn after all others. An item that costs more than `costMax` counts as
 * `costMax`.
 */
export function createFairQueue<Item extends Queued>(costMax: number): FairQueue<Item> {
  const turnCost = costMax / TURNS_MAX;
  // Ordered by turn: the caller whose turn it is comes first.
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
