import { createNumberHeap } from "./heap.ts";
import type { Vocabulary } from "./ranks.ts";

/** More than the bytes of any text that is counted, so that a rank and a position fit one exact number. */
const POSITIONS = 2 ** 23;
const NONE = -1;

// One piece is merged at a time and merging never waits, so the working memory is shared by all calls.
const heap = createNumberHeap();
let next = new Int32Array(1024);
let previous = new Int32Array(1024);
let pairRanks = new Int32Array(1024);

/**
 * How many tokens byte-pair merging leaves of a piece: again and again the neighbours whose union has the lowest rank are
 * joined, the leftmost first among equals. A heap holds the candidates, so n bytes take n log n steps, where looking for
 * the best pair afresh each time (as js-tiktoken does) takes n squared. `bytes` has one character for each byte.
 */
export function countMerged(bytes: string, vocabulary: Vocabulary): number {
  const length = bytes.length;
  if (length >= POSITIONS) throw new RangeError(`a piece of ${length} bytes cannot be merged`);
  prepare(bytes, vocabulary);
  let parts = length;
  for (let key = heap.pop(); key !== NONE; key = heap.pop()) {
    const left = key % POSITIONS;
    // An entry is stale when its pair has since become another; joined parts have no pair.
    if (pairRanks[left] !== (key - left) / POSITIONS) continue;
    join(left, bytes, vocabulary);
    parts--;
  }
  return parts;
}

function prepare(bytes: string, { bytePairRanks }: Vocabulary): void {
  const length = bytes.length;
  if (length > next.length) allocate(length);
  heap.clear();
  for (let at = 0; at < length; at++) {
    next[at] = at + 1;
    previous[at] = at - 1;
    const pair = (bytes.charCodeAt(at) << 8) | bytes.charCodeAt(at + 1);
    const rank = at + 1 < length ? bytePairRanks[pair]! : NONE;
    pairRanks[at] = rank;
    if (rank !== NONE) heap.append(rank * POSITIONS + at);
  }
  heap.heapify();
}

function allocate(length: number): void {
  const size = 2 ** Math.ceil(Math.log2(length));
  next = new Int32Array(size);
  previous = new Int32Array(size);
  pairRanks = new Int32Array(size);
}

/** Joins the part that starts at `left` with the one after it. A part is known by where it starts. */
function join(left: number, bytes: string, vocabulary: Vocabulary): void {
  const right = next[left]!;
  const after = next[right]!;
  next[left] = after;
  if (after < bytes.length) previous[after] = left;
  pairRanks[right] = NONE;
  rankPair(left, bytes, vocabulary);
  const before = previous[left]!;
  if (before >= 0) rankPair(before, bytes, vocabulary);
}

function rankPair(left: number, bytes: string, vocabulary: Vocabulary): void {
  const right = next[left]!;
  const end = right < bytes.length ? next[right]! : right;
  const joinable = end > right && end - left <= vocabulary.tokenBytesMax;
  const rank = joinable ? (vocabulary.ranks.get(bytes.slice(left, end)) ?? NONE) : NONE;
  pairRanks[left] = rank;
  if (rank !== NONE) heap.push(rank * POSITIONS + left);
}
