import { createNumberHeap } from "./heap.ts";

/**
 * Places where neighbours may be joined, to be taken by rank, and within a rank from the left. Few ranks have all the
 * places (a million times "a" starts with one), so places wait in a list for each rank, sorted when its turn comes, and
 * only the ranks are in a heap.
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

export function createCandidates(ranksMax: number): Candidates {
  const ranks = createNumberHeap();
  // Lists: the newest entry of each rank, and for each entry its place and the one that was added before it.
  const newest = new Int32Array(ranksMax).fill(NONE);
  let places = new Int32Array(1024);
  let older = new Int32Array(1024);
  let entries = 0;
  // The places of the rank whose turn it is, from the left.
  let turn = new Int32Array(1024);
  let turnAt = 0;
  let turnEnd = 0;
  let rank = NONE;

  const add = (toRank: number, place: number): void => {
    if (entries === places.length) {
      places = doubled(places);
      older = doubled(older);
    }
    const before = newest[toRank]!;
    if (before === NONE) ranks.push(toRank);
    places[entries] = place;
    older[entries] = before;
    newest[toRank] = entries++;
  };
  /** Puts back what is left of a turn that a lower rank interrupts. */
  const putBack = (): void => {
    while (turnAt < turnEnd) add(rank, turn[turnAt++]!);
  };
  const startTurn = (): void => {
    rank = ranks.pop();
    turnAt = 0;
    turnEnd = 0;
    if (rank === NONE) return;
    let sorted = true;
    for (let entry = newest[rank]!; entry !== NONE; entry = older[entry]!) {
      if (turnEnd === turn.length) turn = doubled(turn);
      sorted &&= turnEnd === 0 || turn[turnEnd - 1]! > places[entry]!;
      turn[turnEnd++] = places[entry]!;
    }
    newest[rank] = NONE;
    // Lists are newest first, so places that were added from the left come from the right.
    const mine = turn.subarray(0, turnEnd);
    if (sorted) mine.reverse();
    else mine.sort();
  };

  return {
    get rank() {
      return rank;
    },
    add,
    clear() {
      for (let left = ranks.pop(); left !== NONE; left = ranks.pop()) newest[left] = NONE;
      entries = 0;
      turnAt = 0;
      turnEnd = 0;
      rank = NONE;
      places = notTooLarge(places);
      older = notTooLarge(older);
      turn = notTooLarge(turn);
    },
    take() {
      if (turnAt < turnEnd && ranks.smallest() < rank && ranks.smallest() !== NONE) putBack();
      if (turnAt === turnEnd) startTurn();
      return turnAt < turnEnd ? turn[turnAt++]! : NONE;
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
