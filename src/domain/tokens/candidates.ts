import { createNumberHeap } from "./heap.ts";

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
  /** The next place, or -1 when there is none; `rank` then says which rank it was added with. */
  take(): number;
  readonly rank: number;
}

const NONE = -1;
const KEPT_LENGTH_MAX = 2 ** 18;

interface Turn {
  readonly rank: number;
  at: number;
  readonly end: number;
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
  let rank = NONE;

  /** Makes the lowest rank the turn that is on. */
  const startTurn = (): void => {
    const lowest = ranks.pop();
    const start = current === undefined ? 0 : current.end;
    let end = start;
    let descending = true;
    for (let entry = newest[lowest]!; entry !== NONE; entry = older[entry]!) {
      if (end === sorted.length) sorted = doubled(sorted);
      descending &&= end === start || sorted[end - 1]! > places[entry]!;
      sorted[end++] = places[entry]!;
    }
    newest[lowest] = NONE;
    // Lists are newest first, so places that were added from the left come from the right.
    const mine = sorted.subarray(start, end);
    if (descending) mine.reverse();
    else mine.sort();
    current = { rank: lowest, at: start, end };
    turns.push(current);
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
      while (current !== undefined && current.at === current.end) {
        turns.pop();
        current = turns.at(-1);
      }
      const lowest = ranks.smallest();
      if (lowest !== NONE && (current === undefined || lowest < current.rank)) startTurn();
      if (current === undefined) return NONE;
      rank = current.rank;
      return sorted[current.at++]!;
    },
    clear() {
      for (let left = ranks.pop(); left !== NONE; left = ranks.pop()) newest[left] = NONE;
      turns.length = 0;
      current = undefined;
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
