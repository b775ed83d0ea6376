import { type HashedBytes, hashBetween, hashOn } from "./hash.ts";
import { countMerged, mergeSteps } from "./merge.ts";
import { BUSY, PieceCutter } from "./pieces.ts";
import { type Encoding, NO_RANK, rankOf, type Vocabulary, vocabulary } from "./ranks.ts";

/** Counting in short steps, of less than a millisecond, and in the end the number of tokens. */
export type CountSteps = Generator<void, number, void>;

/** Bytes whose pieces are counted in one step. Longer pieces are merged in steps of their own. */
const STEP_BYTES = 2048;
const HASH_STEP_BYTES = 65_536;
/** What a text takes besides its bytes, as a number of bytes, so that a million empty texts are many steps too. */
const TEXT_BYTES = 64;

/**
 * The number of tokens of a text, the same as js-tiktoken's `encode(text, [], []).length`: text that looks like a special
 * token, such as "<|endoftext|>", is text. Half a surrogate pair counts as U+FFFD, which is how it would be sent. Takes
 * O(n log n); use the token counter of src/workers for texts of callers, since a megabyte takes half a second.
 */
export function countText(encoding: Encoding, text: string): number {
  const steps = countTextsSteps(encoding, [text]);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The tokens of several texts together, counted each by itself. A caller may pause between steps, or never go on. */
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
