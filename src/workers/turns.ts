/** Which of a thread's works goes on next. */
export interface Turns<Work extends Turn> {
  add(work: Work): void;
  /** Removes a work, and returns it; undefined when it is not there. */
  remove(id: number): Work | undefined;
  /** Starts the next caller's turn; undefined when there is no work. */
  next(): CallerTurn<Work> | undefined;
}

export interface Turn {
  readonly id: number;
  readonly caller: string;
  readonly cost: number;
}

export interface CallerTurn<Work> {
  /** The work of the caller whose turn it is; undefined once it has none left. */
  work(): Work | undefined;
}

/** Every so many turns of a caller go to its oldest work, so that a caller's long text is not put off by its short ones for ever. */
const OLDEST_EVERY = 4;

interface Caller<Work> {
  /** In the order in which they came. */
  works: Map<number, Work>;
  turns: number;
}

/**
 * Callers take turns of equal time. A caller's turn goes to its shortest works; a caller that joins has its turn after the
 * others, so that one whose short works come one by one does not push out the rest. A thread has few works at a time,
 * which are looked through.
 */
export function createTurns<Work extends Turn>(): Turns<Work> {
  // In the order of turns.
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
