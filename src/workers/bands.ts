/**
 * Works of about the same size. Each thread works on all bands in turn, so a short text waits for no long one; a thread is
 * given only a few works of a band at a time, since one that was begun keeps some 50 bytes of memory for a byte of text.
 */
interface Band {
  /** Works up to this cost, in bytes of text, belong to the band. */
  costMax: number;
  /** Works that a thread is given at a time. */
  perThread: number;
}

const KIB = 1024;

export const BANDS: readonly Band[] = [
  { costMax: 4 * KIB, perThread: 32 },
  { costMax: 64 * KIB, perThread: 4 },
  { costMax: 1024 * KIB, perThread: 1 },
  { costMax: 8192 * KIB, perThread: 1 },
];

/** The index in BANDS. What exceeds all belongs to the last. */
export function bandOf(cost: number): number {
  const band = BANDS.findIndex(({ costMax }) => cost <= costMax);
  return band === -1 ? BANDS.length - 1 : band;
}
