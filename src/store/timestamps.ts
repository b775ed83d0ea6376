import type { InstantUs } from "../domain/period.ts";

const NS_PER_US = 1000n;
const US_PER_MS = 1000n;

/** What nearly all of PostgreSQL's timestamps look like, where the session's time zone is UTC. */
const PLAIN = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?\+00$/;

/**
 * PostgreSQL's text of a timestamptz as microseconds, whatever the time zone of the session: none needs to be set. Far
 * from Greenwich the edges of years 1 and 9999 are written as of year 1 BC, which is year 0, and of year 10000.
 */
export function parseTimestamp(text: string): InstantUs {
  const plain = PLAIN.exec(text);
  // Date takes years below 100 for those of the 20th century.
  if (plain !== null && text >= "0100") {
    const [, year, month, day, hour, minute, second, fraction = ""] = plain;
    const ms = Date.UTC(
      Number(year),
      Number(month) - 1,
      Number(day),
      Number(hour),
      Number(minute),
      Number(second),
    );
    return BigInt(ms) * US_PER_MS + BigInt(fraction.padEnd(6, "0"));
  }
  const [date = "", time = "", era] = text.split(" ");
  const [year = "", ...monthAndDay] = date.split("-");
  const isoYear = era === "BC" ? "0000" : year.length > 4 ? `+${year.padStart(6, "0")}` : year;
  return Temporal.Instant.from(`${[isoYear, ...monthAndDay].join("-")}T${time}`).epochNanoseconds / NS_PER_US;
}

/** An instant from year 1 to 9999 as text that PostgreSQL reads without loss. */
export function timestampText(instantUs: InstantUs): string {
  // A remainder of a negative number is negative: count from the millisecond before.
  const us = ((instantUs % US_PER_MS) + US_PER_MS) % US_PER_MS;
  const ms = new Date(Number((instantUs - us) / US_PER_MS)).toISOString();
  return `${ms.slice(0, -1)}${String(us).padStart(3, "0")}Z`;
}
