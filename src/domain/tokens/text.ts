import { type HashedBytes, hashBetween, hashStarts } from "./hash.ts";
import { countMerged } from "./merge.ts";
import { type Encoding, NO_RANK, rankOf, type Vocabulary, vocabulary } from "./ranks.ts";

export type CountText = (text: string) => number;

/**
 * The number of tokens of a text, the same as js-tiktoken's `encode(text, [], []).length`: text that looks like a special
 * token, such as "<|endoftext|>", is text. Half a surrogate pair counts as U+FFFD, which is how it would be sent. Takes
 * O(n log n); use the token counter of src/workers for texts of callers, since a megabyte takes half a second.
 */
export function countText(encoding: Encoding, text: string): number {
  const words = vocabulary(encoding);
  const { pieces } = words;
  const whole = text.toWellFormed();
  const hashed = hashStarts(Buffer.from(whole, "utf8"));
  let tokens = 0;
  let start = 0;
  pieces.lastIndex = 0;
  for (let match = pieces.exec(whole); match !== null; match = pieces.exec(whole)) {
    const end = start + Buffer.byteLength(match[0], "utf8");
    tokens += isToken(words, hashed, start, end) ? 1 : countMerged({ text: hashed, start, end }, words);
    start = end;
  }
  return tokens;
}

const isToken = (words: Vocabulary, text: HashedBytes, start: number, end: number): boolean =>
  end - start <= words.tokenBytesMax &&
  rankOf(words, text.bytes, start, end, hashBetween(text, start, end)) !== NO_RANK;
