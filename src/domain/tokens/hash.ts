/**
 * The base of a polynomial hash modulo 2^32. With the hashes of all prefixes of a text, the hash of any substring takes
 * constant time, so looking up n substrings takes n steps, whatever their lengths.
 */
const BASE = 0x01000193;

export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0;
  for (let at = start; at < end; at++) hash = (Math.imul(hash, BASE) + bytes[at]! + 1) | 0;
  return hash;
}

/** A text with the hashes of its prefixes, for looking up substrings. */
export interface HashedBytes {
  readonly bytes: Uint8Array;
  /** `starts[n]` is the hash of the first n bytes. */
  readonly starts: Int32Array;
}

/** Computes the prefix hashes from `start` to `end`. Those up to `start` must already be there. */
export function hashOn({ bytes, starts }: HashedBytes, start: number, end: number): void {
  let hash = starts[start]!;
  for (let at = start; at < end; at++) {
    hash = (Math.imul(hash, BASE) + bytes[at]! + 1) | 0;
    starts[at + 1] = hash;
  }
}

const POWERS_MAX = 1024;
const powers = new Int32Array(POWERS_MAX + 1);
powers[0] = 1;
for (let at = 1; at <= POWERS_MAX; at++) powers[at] = Math.imul(powers[at - 1]!, BASE);

/** The hash of the bytes from `start` to `end`: at most 1,024 bytes. */
export const hashBetween = ({ starts }: HashedBytes, start: number, end: number): number =>
  (starts[end]! - Math.imul(starts[start]!, powers[end - start]!)) | 0;
