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
  /** Makes room for so many places at once. Growing later copies them, which takes long for millions. */
  reserve(places: number): void;
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
const CHUNK_BITS = 13;
const CHUNK_MASK = 2 ** CHUNK_BITS - 1;
const CHUNKS_KEPT_MAX = 16;
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
  // Lists: the newest entry of each rank. An entry is two numbers in a chunk: its place, and the entry that was added
  // before it. Chunks are never moved, and entries that were read are used again.
  const newest = new Int32Array(ranksMax).fill(NONE);
  const chunks: Int32Array[] = [];
  let entries = 0;
  let free = NONE;
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
      const chunk = chunks[entry >> CHUNK_BITS]!;
      const at = (entry & CHUNK_MASK) << 1;
      const place = chunk[at]!;
      const before = chunk[at + 1]!;
      descending &&= end === turn.start || sorted[end - 1]! > place;
      sorted[end++] = place;
      chunk[at + 1] = free;
      free = entry;
      entry = before;
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
    reserve(places) {
      if (places > sorted.length) sorted = new Int32Array(places);
    },
    add(toRank, place) {
      let entry = free;
      if (entry === NONE) {
        entry = entries++;
        if (entry >> CHUNK_BITS === chunks.length) chunks.push(new Int32Array(2 ** (CHUNK_BITS + 1)));
      }
      const chunk = chunks[entry >> CHUNK_BITS]!;
      const at = (entry & CHUNK_MASK) << 1;
      if (free !== NONE) free = chunk[at + 1]!;
      const before = newest[toRank]!;
      if (before === NONE) ranks.push(toRank);
      chunk[at] = place;
      chunk[at + 1] = before;
      newest[toRank] = entry;
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
      free = NONE;
      chunks.length = Math.min(chunks.length, CHUNKS_KEPT_MAX);
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
