/**
 * Time is counted in steps. Every operation takes one step, and an hour has a million, so the hour of a moment and the
 * order of moments within it are both exact.
 */
export const HOUR = 1_000_000n;

/** A period of whole days or months in the UTC calendar. period.property.test.ts tests other units and zones. */
export interface Every {
  unit: "DAY" | "MONTH";
  count: number;
}

const HOUR_MS = 3_600_000;

/** The window that contains a moment, of those that repeat from the anchor. Moment 0 is at `beganMs`, a whole hour. */
export function windowOf(
  { anchor, every }: { anchor: bigint; every: Every },
  at: bigint,
  beganMs: number,
): { start: bigint; end: bigint } {
  const startOf = (index: number): bigint => {
    const units = index * every.count;
    return every.unit === "DAY" ? anchor + BigInt(24 * units) * HOUR : plusMonths(anchor, units, beganMs);
  };
  let index = 0;
  while (startOf(index + 1) <= at) index++;
  return { start: startOf(index), end: startOf(index + 1) };
}

/** The same day of the month and time of day, or the last day of a month without that day. */
function plusMonths(at: bigint, months: number, beganMs: number): bigint {
  const date = new Date(beganMs + Number(at / HOUR) * HOUR_MS);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() + months];
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  const hour = date.getUTCHours();
  const moved = Date.UTC(year, month, Math.min(date.getUTCDate(), lastDay), hour);
  return BigInt((moved - beganMs) / HOUR_MS) * HOUR + (at % HOUR);
}
