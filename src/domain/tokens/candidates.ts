import { createNumberHeap } from "./heap.ts";
import { type SortSteps, sortSteps } from "./sort.ts";

/**
 * Places where neighbours may be joined, to be taken by rank, and within a rank from the left. Few ranks have all the
 * places (a million times "a" starts with one), so places wait in a list for each rank, sorted when its turn comes, and
 * only the ranks are in a heap.
 *
 * Joining may bring up a lower rank in the middle of a turn. The turn then waits, and needs nothing but its place in the
 * order when it goes on: whatever was added meanwhile holds a token that this turn made, so it is longer than what this
 * turn joins, and not of its rank.
 */
export interface Candidates {
  clear(): void;
  add(rank: number, place: number): void;
  /**
   * The next place, after which `rank` says which rank it was added with; NO_PLACE when there is none; or PREPARING while
   * a long list is being sorted: call again, and add nothing before.
   */
  take(): number;
  readonly rank: number;
}

export const NO_PLACE = -1;
export const PREPARING = -2;

const NONE = -1;
const KEPT_LENGTH_MAX = 2 ** 18;
/** Entries of a list that one call reads. Up to so many are sorted in one call, too. */
const STEP_ENTRIES = 8192;

interface Turn {
  readonly rank: number;
  at: number;
  readonly end: number;
}

/** A turn whose places are being read from the list of its rank, or sorted. */
interface Preparation {
  readonly rank: number;
  readonly start: number;
  end: number;
  entry: number;
  /** Whether the places that were read so far go down. */
  descending: boolean;
  sorting: SortSteps | undefined;
}

export function createCandidates(ranksMax: number): Candidates {
  const ranks = createNumberHeap();
  // Lists: the newest entry of each rank, and for each entry its place and the one that was added before it.
  const newest = new Int32Array(ranksMax).fill(NONE);
  let places = new Int32Array(1024);
  let older = new Int32Array(1024);
  let entries = 0;
  // Turns that wait, and last the one that is on; their places lie in `sorted` one after the other.
  const turns: Turn[] = [];
  let sorted = new Int32Array(1024);
  let current: Turn | undefined;
  let preparation: Preparation | undefined;
  let rank = NONE;

  const prepareLowest = (): Preparation => {
    const lowest = ranks.pop();
    const start = current === undefined ? 0 : current.end;
    const entry = newest[lowest]!;
    newest[lowest] = NONE;
    return { rank: lowest, start, end: start, entry, descending: true, sorting: undefined };
  };

  /** Reads some more of the list; true when that was the rest. */
  const read = (turn: Preparation): boolean => {
    let { entry, end, descending } = turn;
    for (let left = STEP_ENTRIES; entry !== NONE && left > 0; left--) {
      if (end === sorted.length) sorted = doubled(sorted);
      const place = places[entry]!;
      descending &&= end === turn.start || sorted[end - 1]! > place;
      sorted[end++] = place;
      entry = older[entry]!;
    }
    turn.entry = entry;
    turn.end = end;
    turn.descending = descending;
    return entry === NONE;
  };

  /** Sorts some more of the places; true when they are sorted. */
  const sort = (turn: Preparation): boolean => {
    // Lists are newest first, so places that were added from the left come from the right.
    if (turn.sorting === undefined) {
      const mine = sorted.subarray(turn.start, turn.end);
      if (turn.descending) mine.reverse();
      else if (mine.length <= STEP_ENTRIES) mine.sort();
      else turn.sorting = sortSteps(mine);
    }
    return turn.sorting === undefined || turn.sorting.next().done === true;
  };

  /** Makes the lowest rank the turn that is on; false when there is more to do for it. */
  const startTurn = (): boolean => {
    preparation ??= prepareLowest();
    const turn = preparation;
    if (turn.sorting === undefined && !(turn.entry === NONE || read(turn))) return false;
    if (!sort(turn)) return false;
    current = { rank: turn.rank, at: turn.start, end: turn.end };
    turns.push(current);
    preparation = undefined;
    return true;
  };

  return {
    get rank() {
      return rank;
    },
    add(toRank, place) {
      if (entries === places.length) {
        places = doubled(places);
        older = doubled(older);
      }
      const before = newest[toRank]!;
      if (before === NONE) ranks.push(toRank);
      places[entries] = place;
      older[entries] = before;
      newest[toRank] = entries++;
    },
    take() {
      if (preparation === undefined) {
        while (current !== undefined && current.at === current.end) {
          turns.pop();
          current = turns.at(-1);
        }
        const lowest = ranks.smallest();
        if (lowest !== NONE && (current === undefined || lowest < current.rank)) {
          if (!startTurn()) return PREPARING;
        }
      } else if (!startTurn()) {
        return PREPARING;
      }
      if (current === undefined) return NO_PLACE;
      rank = current.rank;
      return sorted[current.at++]!;
    },
    clear() {
      for (let left = ranks.pop(); left !== NONE; left = ranks.pop()) newest[left] = NONE;
      turns.length = 0;
      current = undefined;
      preparation = undefined;
      entries = 0;
      places = notTooLarge(places);
      older = notTooLarge(older);
      sorted = notTooLarge(sorted);
    },
  };
}

/** What one huge text needed is not held for the small ones after it. */
export const notTooLarge = (array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> =>
  array.length > KEPT_LENGTH_MAX ? new Int32Array(1024) : array;

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
