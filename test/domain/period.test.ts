import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  isTimeZone,
  PERIOD_COUNT_MAX,
  type Period,
  type PeriodUnit,
  windowAt,
} from "../../src/domain/period.ts";

const us = (text: string) => Temporal.Instant.from(text).epochNanoseconds / 1_000n;
const text = (instantUs: bigint) => Temporal.Instant.fromEpochNanoseconds(instantUs * 1_000n).toString();

function every(count: number, unit: PeriodUnit, anchor: string, timeZone = "UTC"): Period {
  return { unit, count, anchorUs: us(anchor), timeZone };
}

/** Asserts that windows start exactly at these moments, checked from both ends of each window. */
function startsAt(period: Period, ...starts: string[]) {
  for (const [index, start] of starts.slice(0, -1).entries()) {
    const expected = [start, starts[index + 1] ?? ""].map((moment) => text(us(moment)));
    for (const instantUs of [us(expected[0] ?? ""), us(expected[1] ?? "") - 1n]) {
      const { startUs, endUs } = windowAt(period, instantUs);
      assert.deepEqual([text(startUs), text(endUs)], expected, `at ${text(instantUs)}`);
    }
  }
}

suite("a window repeats by the calendar", () => {
  test("daily, weekly, monthly, yearly", () => {
    const anchor = "2024-01-01T00:00Z";
    startsAt(every(1, "DAY", anchor), "2024-02-28T00:00Z", "2024-02-29T00:00Z", "2024-03-01T00:00Z");
    startsAt(every(1, "WEEK", anchor), "2024-02-26T00:00Z", "2024-03-04T00:00Z", "2024-03-11T00:00Z");
    startsAt(every(1, "MONTH", anchor), "2024-02-01T00:00Z", "2024-03-01T00:00Z", "2024-04-01T00:00Z");
    startsAt(every(1, "YEAR", anchor), "2099-01-01T00:00Z", "2100-01-01T00:00Z", "2101-01-01T00:00Z");
  });

  test("every n units, counted from the anchor", () => {
    startsAt(
      every(3, "MONTH", "2024-01-01T00:00Z"),
      "2025-10-01T00:00Z",
      "2026-01-01T00:00Z",
      "2026-04-01T00:00Z",
    );
    startsAt(every(2, "WEEK", "2024-01-01T00:00Z"), "2024-01-15T00:00Z", "2024-01-29T00:00Z");
    startsAt(every(90, "DAY", "2024-01-01T00:00Z"), "2024-03-31T00:00Z", "2024-06-29T00:00Z");
    startsAt(
      every(1000, "YEAR", "2024-02-29T00:00Z"),
      "1024-02-29T00:00Z",
      "2024-02-29T00:00Z",
      "3024-02-29T00:00Z",
    );
  });

  test("from any anchor, to the microsecond", () => {
    const period = every(1, "MONTH", "2024-01-15T12:34:56.789012Z");
    startsAt(period, "2024-02-15T12:34:56.789012Z", "2024-03-15T12:34:56.789012Z");
  });

  test("before the anchor as after it", () => {
    startsAt(
      every(1, "DAY", "2024-03-01T06:00Z"),
      "2024-02-28T06:00Z",
      "2024-02-29T06:00Z",
      "2024-03-01T06:00Z",
    );
    startsAt(
      every(2, "WEEK", "2024-01-01T00:00Z"),
      "2023-12-04T00:00Z",
      "2023-12-18T00:00Z",
      "2024-01-01T00:00Z",
    );
    startsAt(
      every(5, "YEAR", "2024-02-29T00:00Z"),
      "2014-02-28T00:00Z",
      "2019-02-28T00:00Z",
      "2024-02-29T00:00Z",
    );
    startsAt(
      every(1, "MONTH", "1970-01-01T00:00Z"),
      "1969-12-01T00:00Z",
      "1970-01-01T00:00Z",
      "1970-02-01T00:00Z",
    );
  });
});

suite("if a month lacks the anchor's day, the window starts on its last day", () => {
  test("monthly from 31 January, without drifting to the 28th", () => {
    const period = every(1, "MONTH", "2023-01-31T00:00Z");
    startsAt(period, "2023-01-31T00:00Z", "2023-02-28T00:00Z", "2023-03-31T00:00Z", "2023-04-30T00:00Z");
    startsAt(period, "2024-01-31T00:00Z", "2024-02-29T00:00Z", "2024-03-31T00:00Z");
    startsAt(period, "2022-11-30T00:00Z", "2022-12-31T00:00Z", "2023-01-31T00:00Z");
  });

  test("every two months from 31 December, through February and April", () => {
    const period = every(2, "MONTH", "2023-12-31T00:00Z");
    startsAt(period, "2023-12-31T00:00Z", "2024-02-29T00:00Z", "2024-04-30T00:00Z", "2024-06-30T00:00Z");
    startsAt(period, "2024-06-30T00:00Z", "2024-08-31T00:00Z");
  });

  test("yearly from 29 February, and on 29 February again in each leap year", () => {
    const period = every(1, "YEAR", "2024-02-29T00:00Z");
    startsAt(period, "2024-02-29T00:00Z", "2025-02-28T00:00Z", "2026-02-28T00:00Z", "2027-02-28T00:00Z");
    startsAt(period, "2027-02-28T00:00Z", "2028-02-29T00:00Z", "2029-02-28T00:00Z");
    startsAt(period, "2020-02-29T00:00Z", "2021-02-28T00:00Z");
    startsAt(period, "2099-02-28T00:00Z", "2100-02-28T00:00Z", "2101-02-28T00:00Z");
  });
});

suite("a window keeps the wall clock of its time zone", () => {
  const newYork = "America/New_York";

  test("a calendar week in New York, from Monday midnight, is an hour shorter in March", () => {
    const period = every(1, "WEEK", "2024-01-01T00:00-05:00", newYork);
    startsAt(period, "2026-03-02T00:00-05:00", "2026-03-09T00:00-04:00", "2026-03-16T00:00-04:00");
  });

  test("a day in New York has 23 hours in March and 25 in November", () => {
    const period = every(1, "DAY", "2024-01-01T00:00-05:00", newYork);
    startsAt(period, "2024-03-10T00:00-05:00", "2024-03-11T00:00-04:00");
    startsAt(period, "2024-11-03T00:00-04:00", "2024-11-04T00:00-05:00");
  });

  test("a calendar month in London starts an hour earlier, in UTC, in summer", () => {
    const period = every(1, "MONTH", "2024-01-01T00:00Z", "Europe/London");
    startsAt(period, "2024-03-01T00:00Z", "2024-03-31T23:00Z", "2024-04-30T23:00Z");
  });

  test("a day on Lord Howe Island, whose summer time is 30 minutes, has 24 and a half hours in April", () => {
    const period = every(1, "DAY", "2024-01-01T00:00+11:00", "Australia/Lord_Howe");
    startsAt(period, "2024-04-07T00:00+11:00", "2024-04-08T00:00+10:30", "2024-04-09T00:00+10:30");
  });

  test("a zone may be a fixed offset, which has no summer time", () => {
    startsAt(every(1, "MONTH", "2024-01-01T00:00+05:30", "+05:30"), "2024-06-30T18:30Z", "2024-07-31T18:30Z");
  });
});

suite("a wall-clock time that is skipped moves forward by the length of the gap", () => {
  test("02:30 in New York", () => {
    const period = every(1, "DAY", "2024-03-01T02:30-05:00", "America/New_York");
    startsAt(period, "2024-03-09T02:30-05:00", "2024-03-10T03:30-04:00", "2024-03-11T02:30-04:00");
  });

  test("01:15 in London", () => {
    const period = every(1, "YEAR", "2023-03-31T01:15+01:00", "Europe/London");
    startsAt(period, "2023-03-31T01:15+01:00", "2024-03-31T02:15+01:00", "2025-03-31T01:15+01:00");
  });

  test("02:15 on Lord Howe Island, by 30 minutes", () => {
    const period = every(1, "DAY", "2024-10-01T02:15+10:30", "Australia/Lord_Howe");
    startsAt(period, "2024-10-05T02:15+10:30", "2024-10-06T02:45+11:00", "2024-10-07T02:15+11:00");
  });
});

suite("if a wall-clock time occurs twice", () => {
  test("a window starts at the first occurrence", () => {
    const newYork = every(1, "DAY", "2024-10-01T01:30-04:00", "America/New_York");
    startsAt(newYork, "2024-11-02T01:30-04:00", "2024-11-03T01:30-04:00", "2024-11-04T01:30-05:00");
    const lordHowe = every(1, "DAY", "2024-04-01T01:45+11:00", "Australia/Lord_Howe");
    startsAt(lordHowe, "2024-04-06T01:45+11:00", "2024-04-07T01:45+11:00", "2024-04-08T01:45+10:30");
  });

  test("the anchor keeps its own occurrence, first or second", () => {
    const first = every(1, "DAY", "2024-11-03T01:30-04:00", "America/New_York");
    startsAt(first, "2024-11-02T01:30-04:00", "2024-11-03T01:30-04:00", "2024-11-04T01:30-05:00");
    const second = every(1, "DAY", "2024-11-03T01:30-05:00", "America/New_York");
    startsAt(second, "2024-11-02T01:30-04:00", "2024-11-03T01:30-05:00", "2024-11-04T01:30-05:00");
    startsAt({ ...second, unit: "YEAR" }, "2023-11-03T01:30-04:00", "2024-11-03T01:30-05:00");
    startsAt({ ...second, unit: "YEAR" }, "2029-11-03T01:30-04:00", "2030-11-03T01:30-04:00");
  });
});

suite("if a zone moved to the other side of the date line", () => {
  test("Apia skipped 30 December 2011: that day has no window", () => {
    const midnight = every(1, "DAY", "2011-12-01T00:00-10:00", "Pacific/Apia");
    startsAt(midnight, "2011-12-29T00:00-10:00", "2011-12-31T00:00+14:00", "2012-01-01T00:00+14:00");
    const noon = every(1, "DAY", "2011-12-01T12:00-10:00", "Pacific/Apia");
    startsAt(noon, "2011-12-29T12:00-10:00", "2011-12-31T12:00+14:00", "2012-01-01T12:00+14:00");
  });

  test("a longer window that would start on the skipped day starts when the next day does", () => {
    const twoDays = every(2, "DAY", "2011-12-28T00:00-10:00", "Pacific/Apia");
    startsAt(twoDays, "2011-12-28T00:00-10:00", "2011-12-31T00:00+14:00", "2012-01-01T00:00+14:00");
    const month = every(1, "MONTH", "2011-10-30T00:00-10:00", "Pacific/Apia");
    startsAt(month, "2011-11-30T00:00-10:00", "2011-12-31T00:00+14:00", "2012-01-30T00:00+14:00");
  });

  test("Alaska repeated 18 October 1867: the window with both days has 48 hours", () => {
    const midnight = every(1, "DAY", "1867-10-17T08:57:41Z", "America/Juneau");
    startsAt(midnight, "1867-10-17T08:57:41Z", "1867-10-18T08:57:41Z", "1867-10-20T08:57:41Z");
    const secondNoon = every(1, "DAY", "1867-10-19T20:57:41Z", "America/Juneau");
    startsAt(secondNoon, "1867-10-17T20:57:41Z", "1867-10-19T20:57:41Z", "1867-10-20T20:57:41Z");
  });
});

suite("years 1 to 9999 are supported", () => {
  test("at both ends, with windows that extend beyond them", () => {
    const first = every(1, "MONTH", "0001-01-01T00:00Z");
    startsAt(first, "0000-12-01T00:00Z", "0001-01-01T00:00Z", "0001-02-01T00:00Z");
    startsAt(first, "9999-11-01T00:00Z", "9999-12-01T00:00Z", "+010000-01-01T00:00Z");
    const last = every(1, "DAY", "9999-12-31T23:59:59.999999Z");
    startsAt(
      last,
      "9999-12-30T23:59:59.999999Z",
      "9999-12-31T23:59:59.999999Z",
      "+010000-01-01T23:59:59.999999Z",
    );
    startsAt(last, "0000-12-31T23:59:59.999999Z", "0001-01-01T23:59:59.999999Z");
    startsAt(every(1000, "YEAR", "9999-06-15T00:00Z"), "-000001-06-15T00:00Z", "0999-06-15T00:00Z");
    startsAt(every(1000, "YEAR", "9999-06-15T00:00Z"), "9999-06-15T00:00Z", "+010999-06-15T00:00Z");
  });

  test("with local mean time before zones existed, and with the last known rule in the future", () => {
    const period = every(1, "DAY", "2024-01-01T00:00-05:00", "America/New_York");
    startsAt(period, "0001-06-15T04:56:02Z", "0001-06-16T04:56:02Z");
    startsAt(period, "9999-07-04T04:00Z", "9999-07-05T04:00Z");
    startsAt(period, "9999-12-31T05:00Z", "+010000-01-01T05:00Z");
  });
});

suite("a calendar refuses", () => {
  test("a count that is not a whole number from 1 to 1000", () => {
    assert.equal(PERIOD_COUNT_MAX, 1000);
    for (const count of [0, -1, 1001, 1.5, Number.NaN, Infinity]) {
      assert.throws(() => windowAt(every(count, "DAY", "2024-01-01T00:00Z"), 0n), RangeError, `${count}`);
    }
  });

  test("an unknown time zone", () => {
    assert.throws(() => windowAt(every(1, "DAY", "2024-01-01T00:00Z", "Mars/Olympus"), 0n), RangeError);
  });

  test("a time outside of Temporal's range", () => {
    const period = every(1, "YEAR", "2024-01-01T00:00Z");
    startsAt(period, "+275000-01-01T00:00Z", "+275001-01-01T00:00Z");
    for (const instantUs of [
      8_640_000_000_000_000_001n,
      -8_640_000_000_000_000_001n,
      10n ** 400n,
      -(10n ** 400n),
    ]) {
      assert.throws(() => windowAt(period, instantUs), RangeError, `${instantUs}`);
      assert.throws(() => windowAt({ ...period, anchorUs: instantUs }, 0n), RangeError, `${instantUs}`);
    }
  });
});

suite("a time zone", () => {
  test("is an IANA name or alias, in any case, or an offset", () => {
    const names = [
      "UTC",
      "utc",
      "GMT",
      "America/New_York",
      "america/argentina/comodrivadavia",
      "US/Eastern",
      "Etc/GMT+5",
    ];
    for (const zone of [...names, "+02:00", "-0330", "+14", "-00:00"]) assert.ok(isTimeZone(zone), zone);
  });

  test("is refused if it is anything else", () => {
    const unknown = ["Mars/Olympus", "PST", "Z", "local", "Europe", "Europe/", "/", "constructor"];
    const offsets = ["+2:00", "+24:00", "+02:60", "+02:00:30", "02:00", "+", "\u221202:00"];
    const dates = ["2020-01-01T00:00Z", "2020-01-01T00:00[UTC]", "UTC[u-ca=hebrew]"];
    const hostile = [
      "",
      " ",
      " UTC",
      "UTC ",
      "UTC\n",
      "UTC\0",
      "\0",
      "../../etc/passwd",
      "Asia/\u212Aolkata",
      "U".repeat(1e7),
    ];
    for (const zone of [...unknown, ...offsets, ...dates, ...hostile])
      assert.ok(!isTimeZone(zone), zone.slice(0, 80));
  });
});
