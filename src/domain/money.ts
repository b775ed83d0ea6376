import { withoutTrailing } from "./text.ts";

/**
 * An amount of money in nano-US-dollars (1e-9 USD), a signed 64-bit integer from {@link NANO_USD_MIN} to
 * {@link NANO_USD_MAX}: about plus or minus 9.2 billion dollars.
 */
export type NanoUsd = bigint;

/** The smallest amount: -2^63 nano-USD, which is -9223372036.854775808 USD. */
export const NANO_USD_MIN: NanoUsd = -(2n ** 63n);

/** The largest amount: 2^63 - 1 nano-USD, which is 9223372036.854775807 USD. */
export const NANO_USD_MAX: NanoUsd = 2n ** 63n - 1n;

/** The longest text that nanoUsdFromDollars reads. The exact decimal form of any 64-bit float is shorter. */
export const DOLLARS_CHARACTERS_MAX = 2_000;

const NANO_USD_PER_USD = 1_000_000_000n;
const FRACTION_DIGITS = 9;
/** 2^63 has 19 decimal digits, so a number with more digits is out of range and does not have to be built. */
const NANO_USD_DIGITS_MAX = 19;

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** Whether an amount in nano-USD fits in a signed 64-bit integer, the type on the wire and in the database. */
export function inRange(amount: bigint): boolean {
  return amount >= NANO_USD_MIN && amount <= NANO_USD_MAX;
}

/** The sum of two amounts in nano-USD, or undefined if it is out of the signed 64-bit range. */
export function addMoney(a: NanoUsd, b: NanoUsd): NanoUsd | undefined {
  const sum = a + b;
  return inRange(sum) ? sum : undefined;
}

/**
 * The quotient of two integers, rounded once to an integer, half away from zero: 5/2 is 3, -5/2 is -3.
 * Throws RangeError if the denominator is zero.
 */
export function divideHalfAwayFromZero(numerator: bigint, denominator: bigint): bigint {
  const divisor = magnitude(denominator);
  const quotient = (2n * magnitude(numerator) + divisor) / (2n * divisor);
  return numerator < 0n === denominator < 0n ? quotient : -quotient;
}

/**
 * Decimal US dollars as nano-USD: exact, with one rounding, half away from zero, below the ninth decimal.
 *
 * Text is digits with an optional sign, point and exponent ("10", "-.5", "1e-7"), up to
 * {@link DOLLARS_CHARACTERS_MAX} characters, without spaces or separators. A number is read as the shortest
 * decimal that reads back as the same number: 0.1 is one tenth, not the binary fraction near it.
 *
 * Undefined if the value is not a finite decimal number, or is out of range after rounding.
 */
export function nanoUsdFromDollars(text: string | number): NanoUsd | undefined {
  const decimal = String(text);
  if (decimal.length > DOLLARS_CHARACTERS_MAX) return undefined;
  const match = DECIMAL.exec(decimal);
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  if (whole === "" && fraction === "") return undefined;
  // An exponent that is too long for a float becomes an infinity. The comparisons below handle it correctly.
  const amount = roundedInteger(whole + fraction, whole.length + Number(exponent) + FRACTION_DIGITS);
  if (amount === undefined) return undefined;
  const signed = sign === "-" ? -amount : amount;
  return inRange(signed) ? signed : undefined;
}

/** Nano-USD as exact decimal dollars, without exponent or trailing zeros: "0.0000051", "-3", "10.5". */
export function dollarsFromNanoUsd(amount: NanoUsd): string {
  return decimalText(amount, "", 0);
}

/** Nano-USD for people: exact, with two decimals or more: "$10.00", "$0.0000051", "-$3.50". */
export function formatUsd(amount: NanoUsd): string {
  return decimalText(amount, "$", 2);
}

/**
 * The integer nearest to `0.digits * 10^point`, half away from zero, or undefined if it has more digits than any
 * amount. No power and no row of zeros longer than an amount is built, so "1e999999999" takes no longer than "1".
 */
function roundedInteger(digits: string, point: number): bigint | undefined {
  const significant = digits.replace(/^0+/, "");
  if (significant === "") return 0n;
  const integerDigits = point - (digits.length - significant.length);
  if (integerDigits > NANO_USD_DIGITS_MAX) return undefined;
  if (integerDigits < 0) return 0n;
  const integer = BigInt(significant.slice(0, integerDigits).padEnd(integerDigits, "0"));
  // Rounding half away from zero only needs the first dropped digit.
  const firstDropped = significant[integerDigits] ?? "0";
  return firstDropped >= "5" ? integer + 1n : integer;
}

function decimalText(amount: NanoUsd, currency: string, decimalsMin: number): string {
  const sign = amount < 0n ? "-" : "";
  const whole = magnitude(amount) / NANO_USD_PER_USD;
  const nanos = String(magnitude(amount) % NANO_USD_PER_USD).padStart(FRACTION_DIGITS, "0");
  const fraction = withoutTrailing(nanos, "0").padEnd(decimalsMin, "0");
  return `${sign}${currency}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}
