import { type Fraction, fromNumber, multiply } from "../decimal.ts";
import { type Dimension, type Rate, type Unit, unitOf } from "./rates.ts";

/** One unit of a dimension, and the most that it may cost in USD. No provider comes near; a slip of the decimal point does. */
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

/** The least rate above 0: what is less is a slip too, and its decimals would not end. */
const LEAST: Fraction = { numerator: 1n, denominator: 10n ** 18n };

/** The longest text that is read as a rate. */
export const USD_CHARACTERS_MAX = 40;

/** Says why a rate cannot be meant, as in "above 1 USD per token"; undefined where it can. It must be at least 0. */
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
