/** Decides which of a thread's items comes next. */
export interface Turns<Work extends Turn> {
  add(work: Work): void;
  /** Removes an item and returns it. Undefined if it is not there. */
  remove(id: number): Work | undefined;
  /** Starts the next caller's turn. Undefined if there are no items. */
  next(): CallerTurn<Work> | undefined;
}

export interface Turn {
  readonly id: number;
  readonly caller: string;
  readonly cost: number;
}

export interface CallerTurn<Work> {
  /** The item to work on in this turn. Undefined if the caller has none left. */
  work(): Work | undefined;
}

/** Every fourth turn of a caller goes to its oldest item, so that its short texts cannot delay a long one forever. */
const OLDEST_EVERY = 4;

interface Caller<Work> {
  /** In order of arrival. */
  works: Map<number, Work>;
  turns: number;
}

/**
 * Callers take turns of equal time. A caller's turn goes to its shortest items. A new caller gets its first turn after
 * all others, so a caller that sends short items one by one does not displace the rest. A thread has few items at a
 * time, so a linear search is enough.
 */
export function createTurns<Work extends Turn>(): Turns<Work> {
  // Ordered by turn: the caller whose turn it is comes first.
  const callers = new Map<string, Caller<Work>>();
  return {
    add(work) {
      let caller = callers.get(work.caller);
      if (caller === undefined) {
        caller = { works: new Map(), turns: 0 };
        callers.set(work.caller, caller);
      }
      caller.works.set(work.id, work);
    },
    remove(id) {
      for (const [name, { works }] of callers) {
        const work = works.get(id);
        if (work === undefined) continue;
        works.delete(id);
        if (works.size === 0) callers.delete(name);
        return work;
      }
      return undefined;
    },
    next() {
      for (const [name, caller] of callers) {
        callers.delete(name);
        callers.set(name, caller);
        caller.turns++;
        const oldest = caller.turns % OLDEST_EVERY === 0;
        return { work: () => (oldest ? first(caller.works) : shortest(caller.works)) };
      }
      return undefined;
    },
  };
}

function first<Work>(works: ReadonlyMap<number, Work>): Work | undefined {
  const [work] = works.values();
  return work;
}

function shortest<Work extends Turn>(works: ReadonlyMap<number, Work>): Work | undefined {
  let found: Work | undefined;
  for (const work of works.values()) if (found === undefined || work.cost < found.cost) found = work;
  return found;
}
