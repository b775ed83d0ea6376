import type { InstantUs } from "../domain/period.ts";

const NS_PER_US = 1000n;

/**
 * PostgreSQL's text of a timestamptz as microseconds, whatever the time zone of the session: none needs to be set. Far
 * from Greenwich the edges of years 1 and 9999 are written as of year 1 BC, which is year 0, and of year 10000.
 */
export function parseTimestamp(text: string): InstantUs {
  const [date = "", time = "", era] = text.split(" ");
  const [year = "", ...monthAndDay] = date.split("-");
  const isoYear = era === "BC" ? "0000" : year.length > 4 ? `+${year.padStart(6, "0")}` : year;
  return Temporal.Instant.from(`${[isoYear, ...monthAndDay].join("-")}T${time}`).epochNanoseconds / NS_PER_US;
}

/** An instant as text that PostgreSQL reads without loss. */
export const timestampText = (instantUs: InstantUs): string =>
  new Temporal.Instant(instantUs * NS_PER_US).toString();
