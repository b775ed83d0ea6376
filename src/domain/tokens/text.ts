import { type HashedBytes, hashBetween, hashOn } from "./hash.ts";
import { countMerged, mergeSteps } from "./merge.ts";
import { BUSY, PieceCutter } from "./pieces.ts";
import { type Encoding, NO_RANK, rankOf, type Vocabulary, vocabulary } from "./ranks.ts";

/** Counts in steps of less than a millisecond, and returns the number of tokens. */
export type CountSteps = Generator<void, number, void>;

/** The number of bytes whose pieces are counted in one step. Longer pieces are merged in separate steps. */
const STEP_BYTES = 2048;
const HASH_STEP_BYTES = 65_536;
/** The cost of a text besides its bytes, in bytes, so that a million empty texts take many steps too. */
const TEXT_BYTES = 64;

/**
 * The number of tokens of a text, the same as js-tiktoken's `encode(text, [], []).length`. Text that looks like a
 * special token, such as "<|endoftext|>", is counted as plain text. A lone surrogate counts as U+FFFD, its form on the
 * wire. Takes O(n log n). A megabyte takes half a second, so use the token counter of src/workers for texts from
 * callers.
 */
export function countText(encoding: Encoding, text: string): number {
  const steps = countTextsSteps(encoding, [text]);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The sum of the tokens of several texts, each counted separately. A caller may pause between steps, or stop. */
export function* countTextsSteps(encoding: Encoding, texts: readonly string[]): CountSteps {
  const words = vocabulary(encoding);
  let tokens = 0;
  let left = STEP_BYTES;
  for (const text of texts) {
    const bytes = Buffer.from(text, "utf8");
    const hashed: HashedBytes = { bytes, starts: new Int32Array(bytes.length + 1) };
    for (let at = 0; at < bytes.length; at += HASH_STEP_BYTES) {
      if (at > 0) yield;
      hashOn(hashed, at, Math.min(bytes.length, at + HASH_STEP_BYTES));
    }
    const cutter = new PieceCutter(bytes, encoding);
    left -= TEXT_BYTES;
    for (let start = 0; start < bytes.length; ) {
      const end = cutter.end(start);
      if (end === BUSY) {
        yield;
        continue;
      }
      if (isToken(words, hashed, start, end)) tokens++;
      else if (end - start <= STEP_BYTES) tokens += countMerged({ text: hashed, start, end }, words);
      else tokens += yield* mergeSteps({ text: hashed, start, end }, words);
      left -= end - start;
      start = end;
      if (left > 0) continue;
      left = STEP_BYTES;
      yield;
    }
    if (left > 0) continue;
    left = STEP_BYTES;
    yield;
  }
  return tokens;
}

const isToken = (words: Vocabulary, text: HashedBytes, start: number, end: number): boolean =>
  end - start <= words.tokenBytesMax &&
  rankOf(words, text.bytes, start, end, hashBetween(text, start, end)) !== NO_RANK;
