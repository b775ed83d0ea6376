import type { InstantUs } from "../domain/period.ts";

const NS_PER_US = 1000n;

/** PostgreSQL's text of a timestamptz, in any DateStyle ISO zone, as microseconds. Sessions need no time zone set. */
export const parseTimestamp = (text: string): InstantUs =>
  Temporal.Instant.from(text.replace(" ", "T")).epochNanoseconds / NS_PER_US;

/** An instant as text that PostgreSQL reads without loss. */
export const timestampText = (instantUs: InstantUs): string =>
  new Temporal.Instant(instantUs * NS_PER_US).toString();
