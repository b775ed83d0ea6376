import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  add,
  DECIMAL_PLACES_MAX,
  divideBy,
  fromNumber,
  multiply,
  parseDecimal,
  roundHalfAwayFromZero,
  toDecimalText,
  ZERO,
} from "../../src/domain/decimal.ts";

const fraction = (numerator: bigint, denominator: bigint) => ({ numerator, denominator });

describe("decimal text", () => {
  it("becomes the exact fraction", () => {
    for (const [text, numerator, denominator] of [
      ["0", 0n, 1n],
      ["12", 12n, 1n],
      ["0.15", 15n, 100n],
      [".5", 5n, 10n],
      ["5.", 5n, 1n],
      ["+3", 3n, 1n],
      ["-3.25", -325n, 100n],
      ["1.5e-7", 15n, 100_000_000n],
      ["1.5E+3", 1500n, 1n],
      ["1.5e1", 15n, 1n],
      ["2e0", 2n, 1n],
      ["1e999", 10n ** 999n, 1n],
    ] as const) {
      assert.deepEqual(parseDecimal(text), fraction(numerator, denominator), text);
    }
  });

  it("is nothing else", () => {
    for (const text of [
      "",
      ".",
      "-",
      "e5",
      "1e",
      "1e+",
      "1e1000",
      "1e1.5",
      "0x1",
      "1_0",
      " 1",
      "1 ",
      "NaN",
      "1-",
    ]) {
      assert.equal(parseDecimal(text), undefined, text);
    }
  });
});

describe("a number", () => {
  it("becomes the decimal that a person wrote", () => {
    assert.deepEqual(fromNumber(0.1), fraction(1n, 10n));
    assert.deepEqual(fromNumber(-2.5), fraction(-25n, 10n));
    assert.deepEqual(fromNumber(7), fraction(7n, 1n));
    assert.deepEqual(fromNumber(1e-7), fraction(1n, 10_000_000n));
    assert.deepEqual(fromNumber(2 ** 53), fraction(2n ** 53n, 1n));
    assert.deepEqual(fromNumber(1e21), fraction(10n ** 21n, 1n));
  });

  it("that is not finite is refused", () => {
    for (const value of [Number.NaN, Infinity, -Infinity]) {
      assert.throws(() => fromNumber(value), {
        name: "RangeError",
        message: `${value} is not a finite number`,
      });
    }
  });
});

describe("fractions", () => {
  it("are added and multiplied exactly", () => {
    assert.deepEqual(add(fraction(1n, 3n), fraction(1n, 3n)), fraction(2n, 3n));
    assert.deepEqual(add(fraction(1n, 3n), fraction(1n, 4n)), fraction(7n, 12n));
    assert.deepEqual(add(ZERO, fraction(5n, 7n)), fraction(5n, 7n));
    assert.deepEqual(multiply(fraction(2n, 3n), fraction(5n, 7n)), fraction(10n, 21n));
    assert.deepEqual(divideBy(fraction(2n, 3n), 5n), fraction(2n, 15n));
  });

  it("are rounded to the nearest integer, a half away from zero", () => {
    for (const [numerator, denominator, rounded] of [
      [1n, 2n, 1n],
      [-1n, 2n, -1n],
      [49n, 100n, 0n],
      [-49n, 100n, 0n],
      [51n, 100n, 1n],
      [3n, 2n, 2n],
      [-3n, 2n, -2n],
      [4n, 3n, 1n],
      [5n, 3n, 2n],
      [-5n, 3n, -2n],
      [0n, 9n, 0n],
      [7n, 1n, 7n],
    ] as const) {
      assert.equal(roundHalfAwayFromZero(fraction(numerator, denominator)), rounded);
    }
  });

  it("are written without exponent and trailing zeros, exactly if they are finite decimals", () => {
    for (const [numerator, denominator, text] of [
      [0n, 1n, "0"],
      [0n, 100n, "0"],
      [15n, 100n, "0.15"],
      [1500n, 100n, "15"],
      [100n, 1n, "100"],
      [-5n, 10n, "-0.5"],
      [-7n, 1n, "-7"],
      [1n, 8n, "0.125"],
      [3n, 80n, "0.0375"],
      [1n, 2n ** 40n, (5n ** 40n).toString().padStart(40, "0").replace(/^/, "0.")],
      [1n, 5n ** 3n, "0.008"],
      [1n, 10n ** 63n, `0.${"0".repeat(62)}1`],
      [1n, 10n ** 64n, `0.${"0".repeat(63)}1`],
    ] as const) {
      assert.equal(toDecimalText(fraction(numerator, denominator)), text);
    }
  });

  it("without a finite decimal form are cut, not rounded, after 30 decimals", () => {
    assert.equal(DECIMAL_PLACES_MAX, 30);
    assert.equal(toDecimalText(fraction(2n, 3n)), `0.${"6".repeat(30)}`);
    assert.equal(toDecimalText(fraction(-2n, 3n)), `-0.${"6".repeat(30)}`);
    assert.equal(toDecimalText(fraction(-1n, 3n * 10n ** 31n)), "0");
  });
});
