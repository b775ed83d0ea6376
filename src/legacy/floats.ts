import { dollarsFromNanoUsd, NANO_USD_MAX, type NanoUsd, nanoUsdFromDollars } from "../domain/money.ts";
import type { InstantUs } from "../domain/period.ts";

/** The client keeps everything in 64-bit floats: what they mean here. */

/** The float that a client makes of a decimal. */
export const asFloat = (decimal: string): number => Number(decimal);

/** The largest amount as a float, which is a little more than it. */
const MAX_AS_FLOAT = asFloat(dollarsFromNanoUsd(NANO_USD_MAX));

/**
 * Dollars as the shortest decimal that reads back as the same float, rounded once. The largest amount survives being a float.
 * Undefined out of range.
 */
export const nanoUsdFromFloat = (dollars: number): NanoUsd | undefined =>
  dollars === MAX_AS_FLOAT ? NANO_USD_MAX : nanoUsdFromDollars(dollars);

const YEAR_10000_SECONDS = 253_402_300_800;

/** Seconds since 1970, to the microsecond. Undefined before 1970 and from the year 10000 on. */
export const instantFromSeconds = (seconds: number): InstantUs | undefined =>
  seconds >= 0 && seconds < YEAR_10000_SECONDS ? BigInt(Math.round(seconds * 1e6)) : undefined;
