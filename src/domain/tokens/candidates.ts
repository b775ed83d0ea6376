import { createNumberHeap } from "./heap.ts";
import { type SortSteps, sortSteps } from "./sort.ts";

/**
 * A priority queue of places where two neighbours may be joined, ordered by rank and then from left to right. There can
 * be many places but few ranks (a million times "a" starts with one rank). So each rank has a list of places, which is
 * sorted when the rank's turn starts, and only the ranks are in a heap.
 *
 * A join during a turn may add a place with a lower rank. The turn is then suspended and continues later from the same
 * position. This is correct without merging lists: every place added in between contains a token that this turn made,
 * so its pair is longer than the pairs of this turn and has another rank.
 */
export interface Candidates {
  clear(): void;
  /** Allocates room for this many places. Growing later copies them, which is slow for millions of places. */
  reserve(places: number): void;
  add(rank: number, place: number): void;
  /**
   * Takes the next place; `rank` is then the rank that it was added with. Returns NO_PLACE if there is none, or
   * PREPARING while a long list is being sorted: the caller must then call again before it adds a place.
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
/** The number of list entries that one call drains. Lists up to this length are also sorted in one call. */
const STEP_ENTRIES = 8192;

interface Turn {
  readonly rank: number;
  at: number;
  readonly end: number;
}

/** A turn that is being prepared: its places are drained from the list of its rank, then sorted. */
interface Preparation {
  readonly rank: number;
  readonly start: number;
  end: number;
  entry: number;
  /** Whether the places drained so far are in descending order. */
  descending: boolean;
  sorting: SortSteps | undefined;
}

export function createCandidates(ranksMax: number): Candidates {
  const ranks = createNumberHeap();
  // Lists: the newest entry of each rank. An entry is two numbers in a chunk: its place, and the entry that was added
  // before it. Chunks never move. Drained entries are reused.
  const newest = new Int32Array(ranksMax).fill(NONE);
  const chunks: Int32Array[] = [];
  let entries = 0;
  let free = NONE;
  // The suspended turns, and at the end the current one. Their places are stored in `sorted`, one turn after the other.
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

  /** Moves the next entries from the list to `sorted`. Returns true when the list is empty. */
  const drain = (turn: Preparation): boolean => {
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

  /** Does the next step of sorting. Returns true when the places are sorted. */
  const sort = (turn: Preparation): boolean => {
    // Lists are newest first, so places that were added from left to right are in descending order.
    if (turn.sorting === undefined) {
      const mine = sorted.subarray(turn.start, turn.end);
      if (turn.descending) mine.reverse();
      else if (mine.length <= STEP_ENTRIES) mine.sort();
      else turn.sorting = sortSteps(mine);
    }
    return turn.sorting === undefined || turn.sorting.next().done === true;
  };

  /** Makes the lowest rank the current turn. Returns false if it needs more calls. */
  const startTurn = (): boolean => {
    preparation ??= prepareLowest();
    const turn = preparation;
    if (turn.sorting === undefined && !(turn.entry === NONE || drain(turn))) return false;
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

/** Replaces a large array with a small one, so that the memory for one huge text is freed. */
export const notTooLarge = (array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> =>
  array.length > KEPT_LENGTH_MAX ? new Int32Array(1024) : array;

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
