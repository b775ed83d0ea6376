import { countMerged } from "./merge.ts";
import { type Encoding, vocabulary } from "./ranks.ts";

export type CountText = (text: string) => number;

/**
 * The number of tokens of a text, the same as js-tiktoken's `encode(text, [], []).length`: text that looks like a special
 * token, such as "<|endoftext|>", is text. Half a surrogate pair counts as U+FFFD, which is how it would be sent. Takes
 * O(n log n); use the token counter of src/workers for texts of callers, since a megabyte takes most of a second.
 */
export function countText(encoding: Encoding, text: string): number {
  const words = vocabulary(encoding);
  const { pieces, ranks, tokenBytesMax } = words;
  const whole = text.toWellFormed();
  let tokens = 0;
  pieces.lastIndex = 0;
  for (let match = pieces.exec(whole); match !== null; match = pieces.exec(whole)) {
    const bytes = bytesOf(match[0]);
    const known = bytes.length <= tokenBytesMax && ranks.has(bytes);
    tokens += known ? 1 : countMerged(bytes, words);
  }
  return tokens;
}

/** UTF-8, one character a byte. Text without accents and the like is that already. */
function bytesOf(piece: string): string {
  const length = Buffer.byteLength(piece, "utf8");
  return length === piece.length ? piece : Buffer.from(piece, "utf8").toString("latin1");
}
