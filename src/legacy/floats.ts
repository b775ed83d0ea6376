import { dollarsFromNanoUsd, NANO_USD_MAX, type NanoUsd, nanoUsdFromDollars } from "../domain/money.ts";
import type { InstantUs } from "../domain/period.ts";

/** Conversions of the client's numbers. The client keeps all amounts and times as 64-bit floats. */

/** The float that a client parses from a decimal. */
export const asFloat = (decimal: string): number => Number(decimal);

/** NANO_USD_MAX as a float, which is slightly more than NANO_USD_MAX. */
const MAX_AS_FLOAT = asFloat(dollarsFromNanoUsd(NANO_USD_MAX));

/**
 * Converts dollars to nano-USD: the shortest decimal that parses to the same float, rounded once. NANO_USD_MAX survives
 * the conversion to a float and back.
 *
 * @returns Undefined if the amount is out of range.
 */
export const nanoUsdFromFloat = (dollars: number): NanoUsd | undefined =>
  dollars === MAX_AS_FLOAT ? NANO_USD_MAX : nanoUsdFromDollars(dollars);

const YEAR_10000_SECONDS = 253_402_300_800;

/**
 * Converts seconds since 1970 to an instant, rounded to the microsecond.
 *
 * @returns Undefined before 1970 and from the year 10000 on.
 */
export const instantFromSeconds = (seconds: number): InstantUs | undefined =>
  seconds >= 0 && seconds < YEAR_10000_SECONDS ? BigInt(Math.round(seconds * 1e6)) : undefined;
