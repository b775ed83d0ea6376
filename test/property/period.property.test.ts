import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  PERIOD_COUNT_MAX,
  type Period,
  type PeriodUnit,
  type Window,
  windowAt,
} from "../../src/domain/period.ts";

/* The model: window starts without Temporal. Offsets come from Intl, the calendar from Date; times are in seconds. */

const formats = new Map<string, Intl.DateTimeFormat>();

function offsetSeconds(timeZone: string, epochSeconds: number): number {
  const format =
    formats.get(timeZone) ?? new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset" });
  formats.set(timeZone, format);
  const name = format.formatToParts(epochSeconds * 1_000).find((part) => part.type === "timeZoneName")?.value;
  const [, sign, hours = "0", minutes = "0", seconds = "0"] =
    /GMT([+-])?(\d+)?:?(\d+)?:?(\d+)?/.exec(name ?? "") ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds));
}

/** The moment of a wall-clock time: the first of two; a skipped time uses the offset before the gap. */
function epochSecondsOf(timeZone: string, wallSeconds: number): number {
  const before = offsetSeconds(timeZone, wallSeconds - 86_400);
  const after = offsetSeconds(timeZone, wallSeconds + 86_400);
  const moments = [wallSeconds - before, wallSeconds - after].filter(
    (moment) => moment + offsetSeconds(timeZone, moment) === wallSeconds,
  );
  return moments.length === 0 ? wallSeconds - before : Math.min(...moments);
}

function addUnits(wallSeconds: number, unit: PeriodUnit, units: number): number {
  const date = new Date(wallSeconds * 1_000);
  const day = date.getUTCDate();
  if (unit === "DAY" || unit === "WEEK") return wallSeconds + units * (unit === "DAY" ? 1 : 7) * 86_400;
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + units * (unit === "MONTH" ? 1 : 12));
  const lastDay = new Date(date);
  lastDay.setUTCMonth(date.getUTCMonth() + 1, 0);
  date.setUTCDate(Math.min(day, lastDay.getUTCDate()));
  return date.getTime() / 1_000;
}

function modelStartUs({ unit, count, anchorUs, timeZone }: Period, index: number): bigint {
  if (index === 0) return anchorUs;
  const subsecondUs = ((anchorUs % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const anchorSeconds = Number((anchorUs - subsecondUs) / 1_000_000n);
  const wallSeconds = anchorSeconds + offsetSeconds(timeZone, anchorSeconds);
  const startSeconds = epochSecondsOf(timeZone, addUnits(wallSeconds, unit, index * count));
  return BigInt(startSeconds) * 1_000_000n + subsecondUs;
}

const us = (text: string) => Temporal.Instant.from(text).epochNanoseconds / 1_000n;
const FIRST_US = us("0001-01-01T00:00Z");
const LAST_US = us("9999-12-31T23:59:59.999999Z");
const HOUR_US = 3_600_000_000n;
const UNIT_US = { DAY: 24n * HOUR_US, WEEK: 168n * HOUR_US, MONTH: 731n * HOUR_US, YEAR: 8_766n * HOUR_US };

/** Zones, each with moments at which its clocks changed. */
const zones: [timeZone: string, changes: string[]][] = [
  ["UTC", ["1970-01-01T00:00Z", "2024-02-29T00:00Z"]],
  ["America/New_York", ["2024-03-10T07:00Z", "2024-11-03T06:00Z", "1883-11-18T17:00Z", "9999-11-07T06:00Z"]],
  ["Europe/London", ["2024-03-31T01:00Z", "2024-10-27T01:00Z", "1941-05-04T01:00Z"]],
  ["Australia/Lord_Howe", ["2024-10-05T15:30Z", "2024-04-06T15:00Z", "1981-02-28T14:00Z"]],
  ["Pacific/Apia", ["2011-12-30T10:00Z", "1892-07-05T11:26:56Z"]],
  ["Asia/Kolkata", ["1945-10-14T17:30Z", "2024-12-31T18:30Z"]],
  ["Africa/Casablanca", ["2024-03-10T02:00Z", "2024-04-14T02:00Z", "2087-05-11T02:00Z"]],
  ["America/Juneau", ["1867-10-19T00:31:13Z", "2024-11-03T10:00Z"]],
  ["Pacific/Kwajalein", ["1969-09-30T13:00Z", "1993-08-21T12:00Z"]],
  ["Pacific/Kiritimati", ["1994-12-31T10:00Z"]],
  ["Asia/Manila", ["1844-12-31T15:56:08Z"]],
  ["+05:45", ["2000-01-01T00:00Z"]],
];

const anyInstant = fc.oneof(
  fc.bigInt(FIRST_US, LAST_US),
  fc.bigInt(us("1840-01-01T00:00Z"), us("2100-01-01T00:00Z")),
  fc.constantFrom(FIRST_US, -1n, 0n, 1n, LAST_US),
);

/** Instants within days of a clock change, half of them on round minutes, where boundaries are likely. */
const instantNear = (changes: string[]) =>
  fc
    .tuple(
      fc.constantFrom(...changes),
      fc.bigInt(-49n * HOUR_US, 49n * HOUR_US),
      fc.constantFrom(1n, HOUR_US / 4n),
    )
    .map(([change, distanceUs, grainUs]) => us(change) + (distanceUs / grainUs) * grainUs);

const cases = fc.constantFrom(...zones).chain(([timeZone, changes]) => {
  const instant = fc.oneof(anyInstant, instantNear(changes));
  const period: fc.Arbitrary<Period> = fc.record({
    unit: fc.constantFrom("DAY", "WEEK", "MONTH", "YEAR"),
    count: fc.oneof(
      fc.constant(1),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: PERIOD_COUNT_MAX }),
    ),
    anchorUs: instant,
    timeZone: fc.constant(timeZone),
  });
  return fc.record({ period, instantUs: instant, share: fc.bigInt(0n, 999n) });
});

function momentsIn({ startUs, endUs }: Window, share: bigint): bigint[] {
  return [startUs, startUs + ((endUs - startUs) * share) / 1_000n, endUs - 1n];
}

test("the windows are those of a model without Temporal", () => {
  fc.assert(
    fc.property(cases, fc.integer({ min: -3, max: 3 }), ({ period, instantUs, share }, nudge) => {
      // Any index is valid; this one starts the model near the instant, anywhere or at a clock change.
      const index =
        Number((instantUs - period.anchorUs) / (UNIT_US[period.unit] * BigInt(period.count))) + nudge;
      const window = { startUs: modelStartUs(period, index), endUs: modelStartUs(period, index + 1) };
      if (window.startUs === window.endUs)
        assert.equal(windowAt(period, window.startUs).startUs, window.startUs);
      else for (const moment of momentsIn(window, share)) assert.deepEqual(windowAt(period, moment), window);
    }),
    { numRuns: 10_000 },
  );
});

test("a window contains its instant, and is the same for every instant in it", () => {
  fc.assert(
    fc.property(cases, ({ period, instantUs, share }) => {
      const window = windowAt(period, instantUs);
      assert.ok(window.startUs <= instantUs && instantUs < window.endUs);
      for (const moment of momentsIn(window, share)) assert.deepEqual(windowAt(period, moment), window);
    }),
    { numRuns: 10_000 },
  );
});

test("windows follow each other without a gap", () => {
  fc.assert(
    fc.property(cases, ({ period, instantUs }) => {
      const { startUs, endUs } = windowAt(period, instantUs);
      assert.equal(windowAt(period, startUs - 1n).endUs, startUs);
      assert.equal(windowAt(period, endUs).startUs, endUs);
    }),
    { numRuns: 10_000 },
  );
});

test("the anchor starts a window, whichever of two equal wall-clock times it is", () => {
  fc.assert(
    fc.property(cases, ({ period }) => {
      assert.equal(windowAt(period, period.anchorUs).startUs, period.anchorUs);
    }),
    { numRuns: 5_000 },
  );
});

test("a later instant never has an earlier window", () => {
  fc.assert(
    fc.property(cases, fc.bigInt(0n, 3_000n * UNIT_US.YEAR), ({ period, instantUs }, laterUs) => {
      const [earlier, later] = [windowAt(period, instantUs), windowAt(period, instantUs + laterUs)];
      assert.ok(earlier.startUs <= later.startUs && earlier.endUs <= later.endUs);
    }),
    { numRuns: 5_000 },
  );
});

test("windows of several units start and end where windows of one unit do", () => {
  fc.assert(
    fc.property(cases, ({ period, instantUs }) => {
      const { startUs, endUs } = windowAt(period, instantUs);
      const unit = { ...period, count: 1 };
      assert.equal(windowAt(unit, startUs).startUs, startUs);
      assert.equal(windowAt(unit, endUs).startUs, endUs);
    }),
    { numRuns: 5_000 },
  );
});
