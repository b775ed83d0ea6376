/** A moment in time: whole microseconds since 1970-01-01T00:00:00Z, negative before it. */
export type InstantUs = bigint;

/** The calendar unit that a period is counted in. */
export type PeriodUnit = "DAY" | "WEEK" | "MONTH" | "YEAR";

/** The largest count of units that one window may last; the least is 1. */
export const PERIOD_COUNT_MAX = 1_000;

/** The longest name of a time zone, in characters; the longest that IANA has is half of that. */
export const TIME_ZONE_CHARACTERS_MAX = 64;

/** How often a budget starts anew: every `count` units, counted from an anchor in a time zone. */
export interface Period {
  unit: PeriodUnit;
  /** Whole units that one window lasts, 1 to {@link PERIOD_COUNT_MAX}. */
  count: number;
  /** A moment at which a window starts, in the years 0001 to 9999. */
  anchorUs: InstantUs;
  /** A time zone that {@link isTimeZone} knows. */
  timeZone: string;
}

/** A span of time: from `startUs`, which belongs to it, to `endUs`, which does not. Never empty. */
export interface Window {
  startUs: InstantUs;
  endUs: InstantUs;
}

const DURATION_FIELD = { DAY: "days", WEEK: "weeks", MONTH: "months", YEAR: "years" } as const;

const DAY_US = 86_400_000_000n;
/** What a unit lasts on average over the 400 years after which the Gregorian calendar repeats. */
const AVERAGE_US = {
  DAY: DAY_US,
  WEEK: 7n * DAY_US,
  MONTH: (146_097n * DAY_US) / 4_800n,
  YEAR: (146_097n * DAY_US) / 400n,
} as const;

/**
 * The window of a period that holds an instant.
 *
 * Windows repeat from the anchor in both directions. The one at index k, which may be negative, starts `k * count`
 * units from the anchor by the calendar and the wall clock of the time zone, and ends where the next one starts:
 *
 * - It is counted from the anchor and not from its neighbour, so it does not drift: monthly from 31 January starts
 *   on 28 February and then on 31 March. A month, or a year, that lacks the anchor's day has its last day instead.
 * - A wall-clock time that is skipped that day moves later by what was skipped; of one that happens twice, the first
 *   counts (both as in RFC 5545 and Temporal's "compatible"). Only the anchor is always exactly itself, also where it
 *   is the second of two: the window before it is then longer by what was repeated.
 * - A day that a zone left out (30 December 2011 in Pacific/Apia) starts where the day after it does. Its daily
 *   window would be empty, holds no instant, and is never the answer.
 *
 * So every instant has exactly one window, `startUs <= instantUs < endUs`, and the anchor starts one.
 *
 * Works for anchors and instants in the years 0001 to 9999, and beyond them as far as Temporal reaches, about 270,000
 * years. Throws RangeError where it does not reach, and for a count or a time zone out of range.
 */
export function windowAt(period: Period, instantUs: InstantUs): Window {
  const startOfWindow = windowStarts(period);
  let index = estimatedIndex(period, instantUs);
  let startUs = startOfWindow(index);
  let endUs = startUs;
  // Lengths differ from the average by a few days over any span, so these loops take two or three steps at most.
  while (startUs > instantUs) {
    index -= 1;
    endUs = startUs;
    startUs = startOfWindow(index);
  }
  while (endUs <= instantUs) {
    index += 1;
    startUs = endUs;
    endUs = startOfWindow(index);
  }
  return { startUs, endUs };
}

/**
 * Whether a text names a time zone for {@link Period}: an IANA name or alias in any case ("UTC", "Europe/London",
 * "US/Eastern"), or an offset of hours and minutes ("+02:00", "-0330", "+02").
 */
export function isTimeZone(text: string): boolean {
  if (text.length > TIME_ZONE_CHARACTERS_MAX) return false;
  try {
    // The constructor takes identifiers alone; Temporal's other entrances find a zone in "2020-01-01T00:00Z" too.
    return new Temporal.ZonedDateTime(0n, text).timeZoneId !== "";
  } catch {
    return false;
  }
}

/** The start of each window by its index, counted from the anchor; window 0 starts at the anchor. */
function windowStarts(period: Period): (index: number) => InstantUs {
  const { unit, count, anchorUs, timeZone } = period;
  if (!Number.isInteger(count) || count < 1 || count > PERIOD_COUNT_MAX) {
    throw new RangeError(`A period has 1 to ${PERIOD_COUNT_MAX} units, not ${count}`);
  }
  const anchor = new Temporal.ZonedDateTime(anchorUs * 1_000n, timeZone);
  const field = DURATION_FIELD[unit];
  // Offsets are whole seconds, so a start has no nanoseconds to lose.
  return (index) =>
    index === 0 ? anchorUs : anchor.add({ [field]: index * count }).epochNanoseconds / 1_000n;
}

/** The index of the window that would hold the instant if every unit had its average length. */
function estimatedIndex(period: Period, instantUs: InstantUs): number {
  const averageUs = AVERAGE_US[period.unit] * BigInt(period.count);
  const elapsedUs = instantUs - period.anchorUs;
  const quotient = elapsedUs / averageUs;
  return Number(elapsedUs < quotient * averageUs ? quotient - 1n : quotient);
}
