export interface Queued {
  readonly caller: string;
  readonly cost: number;
}

/** A queue of items. Callers with queued items get equal shares of the cost. */
export interface FairQueue<Item extends Queued> {
  readonly size: number;
  /** The number of callers with queued items. The queue keeps no state for other callers. */
  readonly callers: number;
  /** How many items of a caller are queued. */
  sizeOf(caller: string): number;
  add(item: Item): void;
  /** Removes an item. Returns false if it is not queued. */
  remove(item: Item): boolean;
  /**
   * Takes the next item.
   *
   * @param isWanted Called with the first item of each caller in turn. A caller whose first item is not wanted keeps its turn.
   *   Absent: every item is wanted.
   */
  take(isWanted?: (item: Item) => boolean): Item | undefined;
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
  const callers = new Map<string, CallerQueue<Item>>();
  let size = 0;

  const removeFrom = (name: string, caller: CallerQueue<Item>, item: Item): boolean => {
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
    sizeOf: (caller) => callers.get(caller)?.items.size ?? 0,
    add(item) {
      let caller = callers.get(item.caller);
      if (caller === undefined) {
        caller = new CallerQueue();
        callers.set(item.caller, caller);
      }
      caller.items.add(item);
      size++;
    },
    remove(item) {
      const caller = callers.get(item.caller);
      return caller !== undefined && removeFrom(item.caller, caller, item);
    },
    take(isWanted) {
      for (const [name, caller] of callers) {
        const item = caller.first();
        if (item === undefined || isWanted?.(item) === false) continue;
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

/** The items of one caller. */
class CallerQueue<Item> {
  /** First in, first out. The items of one queue have similar sizes, and no item waits forever. */
  readonly items = new Set<Item>();
  /** The cost credited to the caller's turns, minus the cost of the items taken. */
  credit = 0;
  onTurn = false;
  /** Is kept, because a new iterator would step over the places of all items that were removed before. */
  readonly #order = this.items.values();
  #first: Item | undefined;

  first(): Item | undefined {
    while (this.#first === undefined || !this.items.has(this.#first)) {
      const next = this.#order.next();
      if (next.done === true) return undefined;
      this.#first = next.value;
    }
    return this.#first;
  }
}
