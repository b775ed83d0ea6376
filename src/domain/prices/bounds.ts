import { type Fraction, fromNumber, multiply } from "../decimal.ts";
import { type Dimension, type Rate, type Unit, unitOf } from "./rates.ts";

/**
 * The name of one unit, and its maximum price in USD. No real price is near the maximum; a wrong decimal point exceeds
 * it.
 */
const UNITS: Readonly<Record<Unit, readonly [one: string, usdMax: bigint]>> = {
  tokens: ["token", 1n],
  characters: ["character", 1n],
  pixels: ["pixel", 1n],
  seconds: ["second", 1000n],
  images: ["image", 1000n],
  pages: ["page", 1000n],
  queries: ["query", 1000n],
  requests: ["request", 1000n],
};

/** The smallest rate above 0. A smaller rate is a mistake as well, and its decimal text would be too long. */
const LEAST: Fraction = { numerator: 1n, denominator: 10n ** 18n };

/** The maximum length of a rate's text. */
export const USD_CHARACTERS_MAX = 40;

/**
 * Returns why a rate is implausible, for example "above 1 USD per token", or undefined. The rate must be at least 0.
 */
export function outOfBounds(dimension: Dimension, { usd, per }: Rate): string | undefined {
  const [one, usdMax] = UNITS[unitOf(dimension)];
  const units = fromNumber(per);
  const most = multiply({ numerator: usdMax, denominator: 1n }, units);
  if (isLess(most, usd)) return `above ${usdMax} USD per ${one}`;
  const isTooSmall = usd.numerator > 0n && isLess(usd, multiply(LEAST, units));
  return isTooSmall ? `above 0 and below 1e-18 USD per ${one}` : undefined;
}

const isLess = (a: Fraction, b: Fraction): boolean =>
  a.numerator * b.denominator < b.numerator * a.denominator;
