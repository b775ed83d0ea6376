import { withoutTrailing } from "./text.ts";

/**
 * An exact number, for prices: a fraction of two integers, because the price of one second at a price per hour may have
 * no finite decimal form. Only `roundHalfAwayFromZero` and `toDecimalText` round.
 */
export interface Fraction {
  readonly numerator: bigint;
  /** Above zero. */
  readonly denominator: bigint;
}

export const ZERO: Fraction = { numerator: 0n, denominator: 1n };

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;

/** Reads "0.15", "1.5e-7", "-3". Any other text gives undefined. */
export function parseDecimal(text: string): Fraction | undefined {
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = "", decimals = "", exponentText = "0"] = match;
  if (whole === "" && decimals === "") return undefined;
  const digits = BigInt(whole + decimals) * (sign === "-" ? -1n : 1n);
  const exponent = Number(exponentText) - decimals.length;
  return exponent >= 0
    ? { numerator: digits * 10n ** BigInt(exponent), denominator: 1n }
    : { numerator: digits, denominator: 10n ** BigInt(-exponent) };
}

/**
 * Converts a JavaScript number to the decimal that a person wrote: the shortest text that reads back as the same
 * number. So 0.1 is one tenth, not 0.1000000000000000055511151231257827. Throws RangeError for NaN and infinities.
 */
export function fromNumber(value: number): Fraction {
  if (Number.isSafeInteger(value)) return { numerator: BigInt(value), denominator: 1n };
  const fraction = parseDecimal(String(value));
  if (fraction === undefined) throw new RangeError(`${value} is not a finite number`);
  return fraction;
}

export function add(a: Fraction, b: Fraction): Fraction {
  if (a.denominator === b.denominator) {
    return { numerator: a.numerator + b.numerator, denominator: a.denominator };
  }
  return {
    numerator: a.numerator * b.denominator + b.numerator * a.denominator,
    denominator: a.denominator * b.denominator,
  };
}

export const multiply = (a: Fraction, b: Fraction): Fraction => ({
  numerator: a.numerator * b.numerator,
  denominator: a.denominator * b.denominator,
});

/** Divides by an integer above zero. */
export const divideBy = (a: Fraction, divisor: bigint): Fraction => ({
  numerator: a.numerator,
  denominator: a.denominator * divisor,
});

/** The nearest integer. A half is rounded away from zero, as in money.ts. */
export function roundHalfAwayFromZero(value: Fraction): bigint {
  const negative = value.numerator < 0n;
  const size = negative ? -value.numerator : value.numerator;
  const rounded = (2n * size + value.denominator) / (2n * value.denominator);
  return negative ? -rounded : rounded;
}

/** The number of decimals that `toDecimalText` writes for a fraction without a finite decimal form. */
export const DECIMAL_PLACES_MAX = 30;

/** Maps a power of ten to its exponent. Most denominators of prices are powers of ten. */
const POWERS_OF_TEN: ReadonlyMap<bigint, number> = new Map(
  Array.from({ length: 64 }, (_, places): [bigint, number] => [10n ** BigInt(places), places]),
);

/**
 * Plain decimal text without exponent or trailing zeros. Exact if a finite decimal exists, else cut after 30 decimals.
 */
export function toDecimalText(value: Fraction): string {
  const negative = value.numerator < 0n;
  const size = negative ? -value.numerator : value.numerator;
  const shift = POWERS_OF_TEN.get(value.denominator);
  const text = shift === undefined ? dividedText(size, value.denominator) : shiftedText(size, shift);
  return negative && text !== "0" ? `-${text}` : text;
}

function shiftedText(size: bigint, places: number): string {
  if (places === 0) return size.toString();
  const digits = size.toString().padStart(places + 1, "0");
  const decimals = withoutTrailing(digits.slice(-places), "0");
  return decimals === "" ? digits.slice(0, -places) : `${digits.slice(0, -places)}.${decimals}`;
}

function dividedText(size: bigint, denominator: bigint): string {
  const places = placesLimit(denominator);
  return shiftedText((size * 10n ** BigInt(places)) / denominator, places);
}

// A denominator with only the prime factors 2 and 5 has a finite decimal form, with at most as many decimals as
// factors.
function placesLimit(denominator: bigint): number {
  let rest = denominator;
  let factors = 0;
  for (const prime of [2n, 5n]) {
    while (rest % prime === 0n) {
      rest /= prime;
      factors++;
    }
  }
  return rest === 1n ? factors : DECIMAL_PLACES_MAX;
}
