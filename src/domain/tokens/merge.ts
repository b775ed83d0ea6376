import { type Candidates, createCandidates, NO_PLACE, notTooLarge, PREPARING } from "./candidates.ts";
import { type HashedBytes, hashBetween } from "./hash.ts";
import { NO_RANK, rankOf, type Vocabulary } from "./ranks.ts";

const RANKS_MAX = 2 ** 18;
/** The number of parts that one step handles. */
const STEP_PARTS = 2048;
/** Mergers kept for the next text. More are created while more long pieces are merged at the same time. */
const IDLE_MAX = 2;

/** A piece of a text: its bytes from `start` to `end`. */
export interface Piece {
  readonly text: HashedBytes;
  readonly start: number;
  readonly end: number;
}

/**
 * Counts the tokens of a piece by byte-pair merging: it repeatedly joins the two neighbours whose union has the lowest
 * rank, the leftmost first among equal ranks. The candidates are kept in order, so n bytes take O(n log n). Searching
 * for the best pair before every join, as js-tiktoken does, takes O(n^2).
 */
class Merger {
  /** The number of parts left. */
  parts = 0;
  #piece: Piece | undefined;
  #words: Vocabulary | undefined;
  #length = 0;
  /** The number of parts whose pair with the next part has been ranked. */
  #ranked = 0;
  readonly #candidates: Candidates = createCandidates(RANKS_MAX);
  // A part is identified by its first byte's offset from the start of the piece.
  #next = new Int32Array(1024);
  #previous = new Int32Array(1024);
  #pairRanks = new Int32Array(1024);

  start(piece: Piece, words: Vocabulary): void {
    const length = piece.end - piece.start;
    if (length > this.#next.length) this.#allocate(length);
    this.#candidates.reserve(length);
    this.#piece = piece;
    this.#words = words;
    this.#length = length;
    this.#ranked = 0;
    this.parts = length;
  }

  /** Does this many steps. Returns true when the piece is merged. */
  advance(steps: number): boolean {
    if (this.#ranked === this.#length) return this.#merge(steps);
    this.#rankParts(steps);
    return false;
  }

  /** Releases the piece. Then the next piece may be started. */
  clear(): void {
    this.#piece = undefined;
    this.#candidates.clear();
    this.#next = notTooLarge(this.#next);
    this.#previous = notTooLarge(this.#previous);
    this.#pairRanks = notTooLarge(this.#pairRanks);
  }

  #allocate(length: number): void {
    const size = 2 ** Math.ceil(Math.log2(length));
    this.#next = new Int32Array(size);
    this.#previous = new Int32Array(size);
    this.#pairRanks = new Int32Array(size);
  }

  #rankParts(steps: number): void {
    const end = Math.min(this.#length, this.#ranked + steps);
    for (let at = this.#ranked; at < end; at++) {
      this.#next[at] = at + 1;
      this.#previous[at] = at - 1;
      // The next part is not linked yet.
      this.#rankBytes(at, at + 1 < this.#length ? at + 2 : at + 1, at + 1);
    }
    this.#ranked = end;
  }

  #merge(steps: number): boolean {
    const candidates = this.#candidates;
    const pairRanks = this.#pairRanks;
    for (let left = steps; left > 0; left--) {
      const place = candidates.take();
      if (place === NO_PLACE) return true;
      if (place === PREPARING) return false;
      // A candidate is stale if its pair has changed since. A part that was joined to its left neighbour has no pair.
      if (pairRanks[place] !== candidates.rank) continue;
      this.#join(place);
      this.parts--;
    }
    return false;
  }

  /** Joins the part that starts at `left` with the next part. */
  #join(left: number): void {
    const right = this.#next[left]!;
    const after = this.#next[right]!;
    this.#next[left] = after;
    if (after < this.#length) this.#previous[after] = left;
    this.#pairRanks[right] = NO_RANK;
    this.#rankPair(left);
    const before = this.#previous[left]!;
    if (before >= 0) this.#rankPair(before);
  }

  #rankPair(left: number): void {
    const right = this.#next[left]!;
    this.#rankBytes(left, right < this.#length ? this.#next[right]! : right, right);
  }

  /** Ranks the pair that spans the bytes from `left` to `pairEnd`. Its second part starts at `right`. */
  #rankBytes(left: number, pairEnd: number, right: number): void {
    const { text, start } = this.#piece!;
    const words = this.#words!;
    const joinable = pairEnd > right && pairEnd - left <= words.tokenBytesMax;
    const from = start + left;
    const to = start + pairEnd;
    const rank = joinable ? rankOf(words, text.bytes, from, to, hashBetween(text, from, to)) : NO_RANK;
    this.#pairRanks[left] = rank;
    if (rank !== NO_RANK) this.#candidates.add(rank, left);
  }
}

// Several texts may have a piece whose merge is suspended. A piece that is merged in one call reuses an idle merger.
const idle: Merger[] = [];

/** The number of tokens of a piece. */
export function countMerged(piece: Piece, words: Vocabulary): number {
  const merger = idle.pop() ?? new Merger();
  merger.start(piece, words);
  while (!merger.advance(STEP_PARTS));
  return release(merger);
}

/** The number of tokens of a long piece. Yields after each of many short steps. */
export function* mergeSteps(piece: Piece, words: Vocabulary): Generator<void, number, void> {
  // If the count is cancelled, the merger is not reused: clearing it would take long.
  const merger = idle.pop() ?? new Merger();
  merger.start(piece, words);
  while (!merger.advance(STEP_PARTS)) yield;
  return release(merger);
}

function release(merger: Merger): number {
  const { parts } = merger;
  merger.clear();
  if (idle.length < IDLE_MAX) idle.push(merger);
  return parts;
}
