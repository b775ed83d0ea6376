/** A moment in time: whole microseconds since 1970-01-01T00:00:00Z, negative before it. */
export type InstantUs = bigint;

/** The calendar unit of a period. */
export type PeriodUnit = "DAY" | "WEEK" | "MONTH" | "YEAR";

/** The largest count of units in one window. The smallest is 1. */
export const PERIOD_COUNT_MAX = 1_000;

/** The longest name of a time zone, in characters. The longest IANA name is half as long. */
export const TIME_ZONE_CHARACTERS_MAX = 64;

/** How often a budget resets: every `count` units, counted from an anchor in a time zone. */
export interface Period {
  unit: PeriodUnit;
  /** The length of one window in units: an integer from 1 to {@link PERIOD_COUNT_MAX}. */
  count: number;
  /** A moment at which a window starts, in the years 0001 to 9999. */
  anchorUs: InstantUs;
  /** A time zone that {@link isTimeZone} accepts. */
  timeZone: string;
}

/** A span of time from `startUs` (included) to `endUs` (excluded). Never empty. */
export interface Window {
  startUs: InstantUs;
  endUs: InstantUs;
}

const DURATION_FIELD = { DAY: "days", WEEK: "weeks", MONTH: "months", YEAR: "years" } as const;

const DAY_US = 86_400_000_000n;
/** The average length of a unit over 400 years, after which the Gregorian calendar repeats. */
const AVERAGE_US = {
  DAY: DAY_US,
  WEEK: 7n * DAY_US,
  MONTH: (146_097n * DAY_US) / 4_800n,
  YEAR: (146_097n * DAY_US) / 400n,
} as const;

/**
 * The window of a period that contains an instant.
 *
 * Windows repeat from the anchor in both directions. The window at index k, which may be negative, starts `k * count`
 * units from the anchor by the calendar and the wall clock of the time zone. It ends where the next window starts.
 *
 * - Each start is counted from the anchor, not from the previous window, so starts do not drift: monthly from 31
 *   January
 *   starts on 28 February and then on 31 March. If a month or year lacks the anchor's day, its last day is used.
 * - If daylight saving time skips the wall-clock time on that day, the start moves later by the skipped amount. If the
 *   wall-clock time occurs twice, the first occurrence is the start. Both rules are those of RFC 5545 and of Temporal's
 *   "compatible" mode. The anchor itself is always exact, also if it is the second occurrence: the window before it is
 *   then longer by the repeated time.
 * - If a zone skipped a whole day (30 December 2011 in Pacific/Apia), that day starts at the same instant as the next
 *   day. Its daily window is empty, contains no instant, and is never returned.
 *
 * So every instant is in exactly one window (`startUs <= instantUs < endUs`), and one window starts at the anchor.
 *
 * Works for anchors and instants in the years 0001 to 9999, and beyond them within Temporal's range of about 270,000
 * years. Throws RangeError outside that range, and for a count or a time zone out of range.
 */
export function windowAt(period: Period, instantUs: InstantUs): Window {
  const startOfWindow = windowStarts(period);
  let index = estimatedIndex(period, instantUs);
  let startUs = startOfWindow(index);
  let endUs = startUs;
  // Any span of time differs from the average by a few days at most, so these loops take at most two or three steps.
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
 * Whether a text is a valid time zone for {@link Period}: an IANA name or alias in any case ("UTC", "Europe/London",
 * "US/Eastern"), or an offset of hours and minutes ("+02:00", "-0330", "+02").
 */
export function isTimeZone(text: string): boolean {
  if (text.length > TIME_ZONE_CHARACTERS_MAX) return false;
  try {
    // The constructor accepts only identifiers. Temporal's other functions also accept "2020-01-01T00:00Z" as a zone.
    return new Temporal.ZonedDateTime(0n, text).timeZoneId !== "";
  } catch {
    return false;
  }
}

/** Returns a function from the index of a window to its start. Window 0 starts at the anchor. */
function windowStarts(period: Period): (index: number) => InstantUs {
  const { unit, count, anchorUs, timeZone } = period;
  if (!Number.isInteger(count) || count < 1 || count > PERIOD_COUNT_MAX) {
    throw new RangeError(`A period has 1 to ${PERIOD_COUNT_MAX} units, not ${count}`);
  }
  const anchor = new Temporal.ZonedDateTime(anchorUs * 1_000n, timeZone);
  const field = DURATION_FIELD[unit];
  // Offsets are whole seconds, so the division loses nothing.
  return (index) =>
    index === 0 ? anchorUs : anchor.add({ [field]: index * count }).epochNanoseconds / 1_000n;
}

/** The index of the window that would contain the instant if every unit had its average length. */
function estimatedIndex(period: Period, instantUs: InstantUs): number {
  const averageUs = AVERAGE_US[period.unit] * BigInt(period.count);
  const elapsedUs = instantUs - period.anchorUs;
  const quotient = elapsedUs / averageUs;
  return Number(elapsedUs < quotient * averageUs ? quotient - 1n : quotient);
}
