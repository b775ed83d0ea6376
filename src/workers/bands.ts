/**
 * A band holds work items of similar size. Each thread works on all bands in turn, so a short text never waits for a
 * long one. A thread gets only a few items of a band at a time, because a started item takes about 50 bytes of memory
 * for each byte of text.
 */
interface Band {
  /** The maximum cost of an item in this band, in bytes of text. */
  costMax: number;
  /** The number of items of this band that a thread has at a time. */
  perThread: number;
}

const KIB = 1024;

export const BANDS: readonly Band[] = [
  { costMax: 4 * KIB, perThread: 32 },
  { costMax: 64 * KIB, perThread: 4 },
  { costMax: 1024 * KIB, perThread: 1 },
  { costMax: 8192 * KIB, perThread: 1 },
];

/** The index in BANDS. A cost above all maximums belongs to the last band. */
export function bandOf(cost: number): number {
  const band = BANDS.findIndex(({ costMax }) => cost <= costMax);
  return band === -1 ? BANDS.length - 1 : band;
}
