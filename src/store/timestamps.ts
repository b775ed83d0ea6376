import type { InstantUs } from "../domain/period.ts";

const NS_PER_US = 1000n;
const US_PER_MS = 1000n;

/**
 * Parses PostgreSQL's text of a timestamptz to microseconds. It accepts every time zone, so that none need be set for the
 * session. In some time zones, the start of year 1 is written in year 1 BC, which is ISO year 0, and the end of year 9999 in
 * year 10000.
 */
export function parseTimestamp(text: string): InstantUs {
  if (isPlain(text)) return parsePlain(text);
  const [date = "", time = "", era] = text.split(" ");
  const [year = "", ...monthAndDay] = date.split("-");
  const isoYear = era === "BC" ? "0000" : year.length > 4 ? `+${year.padStart(6, "0")}` : year;
  return Temporal.Instant.from(`${[isoYear, ...monthAndDay].join("-")}T${time}`).epochNanoseconds / NS_PER_US;
}

/** Whether a text has the form `2026-11-23 05:56:00.123456+00`. Nearly all have it if the session's time zone is UTC. */
const isPlain = (text: string): boolean =>
  text.length >= 22 && text.length <= 29 && text.endsWith("+00") && text[10] === " " && text >= "0100";

/** A faster parser for the common form, because a batch reads thousands of timestamps. */
function parsePlain(text: string): InstantUs {
  const ms = Date.UTC(
    digits(text, 0, 4),
    digits(text, 5, 7) - 1,
    digits(text, 8, 10),
    digits(text, 11, 13),
    digits(text, 14, 16),
    digits(text, 17, 19),
  );
  const fractionEnd = text.length - 3;
  // PostgreSQL omits trailing zeros of the fraction, so it is scaled to microseconds.
  const fraction = fractionEnd > 20 ? digits(text, 20, fractionEnd) * 10 ** (26 - fractionEnd) : 0;
  return BigInt(ms) * US_PER_MS + BigInt(fraction);
}

function digits(text: string, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) value = value * 10 + text.charCodeAt(at) - 48;
  return value;
}

let last: { instantUs: InstantUs; text: string } = { instantUs: 0n, text: "1970-01-01T00:00:00.000000Z" };

/** Formats an instant from year 1 to 9999 as text that PostgreSQL reads without loss. */
export function timestampText(instantUs: InstantUs): string {
  // Consecutive calls often have the same instant: the entries of a batch have the same period.
  if (instantUs === last.instantUs) return last.text;
  // The remainder of a negative number is negative. This makes it positive, counted from the previous millisecond.
  const us = ((instantUs % US_PER_MS) + US_PER_MS) % US_PER_MS;
  const ms = new Date(Number((instantUs - us) / US_PER_MS)).toISOString();
  last = { instantUs, text: `${ms.slice(0, -1)}${String(us).padStart(3, "0")}Z` };
  return last.text;
}
