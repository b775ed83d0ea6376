import { createCandidates, notTooLarge } from "./candidates.ts";
import { type HashedBytes, hashBetween } from "./hash.ts";
import { NO_RANK, rankOf, type Vocabulary } from "./ranks.ts";

const RANKS_MAX = 2 ** 18;

// One piece is merged at a time and merging never waits, so the working memory is shared by all calls. A part is known by
// where it starts, counted from the start of the piece.
const candidates = createCandidates(RANKS_MAX);
let next = new Int32Array(1024);
let previous = new Int32Array(1024);
let pairRanks = new Int32Array(1024);

/** A piece of a text: its bytes from `start` to `end`. */
interface Piece {
  readonly text: HashedBytes;
  readonly start: number;
  readonly end: number;
}

/**
 * How many tokens byte-pair merging leaves of a piece: again and again the neighbours whose union has the lowest rank are
 * joined, the leftmost first among equals. The candidates are kept in order, so n bytes take n log n steps, where looking
 * for the best pair afresh each time (as js-tiktoken does) takes n squared.
 */
export function countMerged(piece: Piece, words: Vocabulary): number {
  const length = piece.end - piece.start;
  if (length > next.length) allocate(length);
  for (let at = 0; at < length; at++) {
    next[at] = at + 1;
    previous[at] = at - 1;
  }
  for (let at = 0; at < length; at++) rankPair(at, piece, words);
  let parts = length;
  for (let left = candidates.take(); left !== NO_RANK; left = candidates.take()) {
    // A candidate is stale when its pair has since become another; a part that was joined has none.
    if (pairRanks[left] !== candidates.rank) continue;
    join(left, piece, words);
    parts--;
  }
  candidates.clear();
  next = notTooLarge(next);
  previous = notTooLarge(previous);
  pairRanks = notTooLarge(pairRanks);
  return parts;
}

function allocate(length: number): void {
  const size = 2 ** Math.ceil(Math.log2(length));
  next = new Int32Array(size);
  previous = new Int32Array(size);
  pairRanks = new Int32Array(size);
}

/** Joins the part that starts at `left` with the one after it. */
function join(left: number, piece: Piece, words: Vocabulary): void {
  const right = next[left]!;
  const after = next[right]!;
  next[left] = after;
  if (after < piece.end - piece.start) previous[after] = left;
  pairRanks[right] = NO_RANK;
  rankPair(left, piece, words);
  const before = previous[left]!;
  if (before >= 0) rankPair(before, piece, words);
}

function rankPair(left: number, { text, start, end }: Piece, words: Vocabulary): void {
  const right = next[left]!;
  const pairEnd = start + right < end ? next[right]! : right;
  const joinable = pairEnd > right && pairEnd - left <= words.tokenBytesMax;
  const from = start + left;
  const to = start + pairEnd;
  const rank = joinable ? rankOf(words, text.bytes, from, to, hashBetween(text, from, to)) : NO_RANK;
  pairRanks[left] = rank;
  if (rank !== NO_RANK) candidates.add(rank, left);
}
