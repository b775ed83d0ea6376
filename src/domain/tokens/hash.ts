/**
 * A polynomial hash modulo 2^32. From the hashes of all starts of a text, that of any stretch of it is two
 * multiplications away, so looking up n stretches takes n steps however long they are.
 */
const BASE = 0x01000193;

export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0;
  for (let at = start; at < end; at++) hash = (Math.imul(hash, BASE) + bytes[at]! + 1) | 0;
  return hash;
}

/** A text to look stretches up in. */
export interface HashedBytes {
  readonly bytes: Uint8Array;
  /** The hash of the first n bytes, at n. */
  readonly starts: Int32Array;
}

/** Fills in the hashes of starts from `start` to `end`; those up to `start` must be there. */
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

/** The hash of the bytes from `start` to `end`, which are at most 1,024 apart. */
export const hashBetween = ({ starts }: HashedBytes, start: number, end: number): number =>
  (starts[end]! - Math.imul(starts[start]!, powers[end - start]!)) | 0;
