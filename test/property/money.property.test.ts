import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  addMoney,
  divideHalfAwayFromZero,
  dollarsFromNanoUsd,
  formatUsd,
  NANO_USD_MAX,
  NANO_USD_MIN,
  nanoUsdFromDollars,
} from "../../src/domain/money.ts";

/** The model: a decimal text as a fraction of two integers, with its power of ten computed in full. */
function fractionOf(text: string): { numerator: bigint; denominator: bigint } {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.replace(/[+-]/, "").split(".");
  const power = Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction) * (mantissa.startsWith("-") ? -1n : 1n);
  return power >= 0
    ? { numerator: digits * 10n ** BigInt(power), denominator: 1n }
    : { numerator: digits, denominator: 10n ** BigInt(-power) };
}

function modelNanoUsd(text: string): bigint | undefined {
  const { numerator, denominator } = fractionOf(text);
  const nanos = numerator * 1_000_000_000n;
  const truncated = nanos / denominator;
  const remainder = nanos % denominator;
  let rounded = truncated;
  if (remainder > 0n && remainder * 2n >= denominator) rounded += 1n;
  if (remainder < 0n && remainder * -2n >= denominator) rounded -= 1n;
  return rounded === BigInt.asIntN(64, rounded) ? rounded : undefined;
}

const amounts = fc.oneof(
  fc.bigInt(NANO_USD_MIN, NANO_USD_MAX),
  fc.bigInt(-2_000_000_000n, 2_000_000_000n),
  fc.constantFrom(NANO_USD_MIN, NANO_USD_MIN + 1n, -1n, 0n, 1n, NANO_USD_MAX - 1n, NANO_USD_MAX),
);

const digits = (lengthMax: number) =>
  fc
    .array(fc.constantFrom(...Array.from("00123456789")), { maxLength: lengthMax })
    .map((characters) => characters.join(""));
const decimals = fc
  .record({
    sign: fc.constantFrom("", "-", "+"),
    whole: digits(12),
    fraction: fc.option(digits(30)),
    exponent: fc.option(fc.integer({ min: -60, max: 60 })),
  })
  .filter(({ whole, fraction }) => whole + (fraction ?? "") !== "")
  .map(({ sign, whole, fraction, exponent }) => {
    const point = fraction === null ? "" : `.${fraction}`;
    return `${sign}${whole}${point}${exponent === null ? "" : `e${exponent}`}`;
  });

/** Texts near a rounding tie in the last decimals, at the ends of the range, and anywhere within. */
const nearTies = fc
  .tuple(amounts, fc.constantFrom("4", "49", "5", "50", "500001", "6"))
  .map(([amount, tail]) => {
    const [whole, fraction = ""] = dollarsFromNanoUsd(amount).split(".");
    return `${whole}.${fraction.padEnd(9, "0")}${tail}`;
  });

test("decimal text is converted to the exact fraction, rounded once", () => {
  fc.assert(
    fc.property(fc.oneof(decimals, nearTies), (text) => {
      assert.equal(nanoUsdFromDollars(text), modelNanoUsd(text));
    }),
    { numRuns: 5_000 },
  );
});

test("a number is converted as its shortest decimal", () => {
  const numbers = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.double({ min: -1e10, max: 1e10, noNaN: true }),
    fc.double({ min: -1e-6, max: 1e-6, noNaN: true }),
  );
  fc.assert(
    fc.property(numbers, (number) => {
      assert.equal(nanoUsdFromDollars(number), modelNanoUsd(String(number)));
    }),
    { numRuns: 3_000 },
  );
});

test("a text is accepted as a number exactly if JavaScript accepts it", () => {
  const texts = fc.string({ unit: fc.constantFrom(...Array.from("0159+-.eE")), maxLength: 9 });
  fc.assert(
    fc.property(texts, (text) => {
      const amount = nanoUsdFromDollars(text);
      const number = text === "" ? Number.NaN : Number(text);
      if (amount === undefined) assert.ok(Number.isNaN(number) || Math.abs(number) > 9.2e9, text);
      else assert.ok(Math.abs(Number(amount) / 1e9 - number) <= 1e-9 + Math.abs(number) * 1e-12, text);
    }),
    { numRuns: 5_000 },
  );
});

test("every text gives a result in range, or undefined", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary-ascii", size: "medium" }), (text) => {
      const amount = nanoUsdFromDollars(text);
      assert.ok(amount === undefined || amount === BigInt.asIntN(64, amount));
    }),
  );
});

test("an amount written as dollars converts back to itself, and has the fewest digits", () => {
  fc.assert(
    fc.property(amounts, (amount) => {
      const text = dollarsFromNanoUsd(amount);
      assert.equal(nanoUsdFromDollars(text), amount);
      assert.match(text, /^(0|-?(?:[1-9]\d*|0)(\.\d{0,8}[1-9])?)$/);
      const shown = formatUsd(amount);
      assert.equal(nanoUsdFromDollars(shown.replace("$", "")), amount);
      assert.match(shown, /^-?\$(?:0|[1-9]\d*)\.\d\d(?:\d{0,6}[1-9])?$/);
    }),
    { numRuns: 2_000 },
  );
});

test("a sum is the 64-bit sum, or undefined if 64 bits would overflow", () => {
  fc.assert(
    fc.property(amounts, amounts, (a, b) => {
      assert.equal(addMoney(a, b), BigInt.asIntN(64, a + b) === a + b ? a + b : undefined);
    }),
    { numRuns: 2_000 },
  );
});

const size = (value: bigint) => (value < 0n ? -value : value);

test("a quotient is the nearest integer; a tie is rounded away from zero", () => {
  const wide = fc.bigInt(-(2n ** 100n), 2n ** 100n);
  const near = fc.bigInt(-50n, 50n);
  const pairs = fc.oneof(fc.tuple(wide, wide), fc.tuple(wide, near), fc.tuple(near, near));
  fc.assert(
    fc.property(pairs, ([numerator, denominator]) => {
      fc.pre(denominator !== 0n);
      const product = divideHalfAwayFromZero(numerator, denominator) * denominator;
      const missing = 2n * size(numerator - product);
      assert.ok(missing <= size(denominator));
      if (missing === size(denominator)) assert.ok(size(product) > size(numerator));
    }),
    { numRuns: 3_000 },
  );
});
