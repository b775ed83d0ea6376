import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  addMoney,
  DOLLARS_CHARACTERS_MAX,
  divideHalfAwayFromZero,
  dollarsFromNanoUsd,
  formatUsd,
  inRange,
  NANO_USD_MAX,
  NANO_USD_MIN,
  nanoUsdFromDollars,
} from "../../src/domain/money.ts";

function readsAs(cases: [text: string | number, amount: bigint | undefined][]) {
  for (const [text, amount] of cases) assert.equal(nanoUsdFromDollars(text), amount, JSON.stringify(text));
}

suite("the range of money", () => {
  test("is that of a signed 64-bit integer", () => {
    assert.equal(NANO_USD_MIN, -9_223_372_036_854_775_808n);
    assert.equal(NANO_USD_MAX, 9_223_372_036_854_775_807n);
    assert.ok(inRange(NANO_USD_MIN) && inRange(0n) && inRange(NANO_USD_MAX));
    assert.ok(!inRange(NANO_USD_MIN - 1n) && !inRange(NANO_USD_MAX + 1n));
  });

  test("holds for sums: an addition that leaves the range returns undefined", () => {
    assert.equal(addMoney(2n, -5n), -3n);
    assert.equal(addMoney(NANO_USD_MAX, 0n), NANO_USD_MAX);
    assert.equal(addMoney(NANO_USD_MAX, 1n), undefined);
    assert.equal(addMoney(NANO_USD_MIN, -1n), undefined);
    assert.equal(addMoney(NANO_USD_MIN, NANO_USD_MAX), -1n);
  });
});

suite("dollars become nano-USD", () => {
  test("exactly, from text and from numbers", () => {
    readsAs([
      ["10", 10_000_000_000n],
      ["0.0000051", 5_100n],
      ["-3.50", -3_500_000_000n],
      ["+1", 1_000_000_000n],
      [".5", 500_000_000n],
      ["5.", 5_000_000_000n],
      ["007", 7_000_000_000n],
      ["-0", 0n],
      [0.1, 100_000_000n],
      [1.1, 1_100_000_000n],
      [-0, 0n],
      [1234567.890123456, 1_234_567_890_123_456n],
    ]);
  });

  test("from exponents, as in the shortest form of a float", () => {
    readsAs([
      ["1e-7", 100n],
      [1e-7, 100n],
      [5.1e-6, 5_100n],
      ["1E+3", 1_000_000_000_000n],
      ["0.000001e6", 1_000_000_000n],
      ["12345e-4", 1_234_500_000n],
    ]);
  });

  test("with a single rounding, half away from zero", () => {
    readsAs([
      ["0.0000000005", 1n],
      ["-0.0000000005", -1n],
      ["0.0000000015", 2n],
      ["0.00000000049999999999", 0n],
      ["-0.00000000149999999999", -1n],
      ["0.00000000050000000001", 1n],
      ["0.9999999995", 1_000_000_000n],
      ["0.00000000005", 0n],
      [5e-324, 0n],
    ]);
  });

  test("up to the ends of the range, after rounding", () => {
    readsAs([
      ["9223372036.854775807", NANO_USD_MAX],
      ["9223372036.8547758074", NANO_USD_MAX],
      ["9223372036.8547758075", undefined],
      ["-9223372036.854775808", NANO_USD_MIN],
      ["-9223372036.8547758084", NANO_USD_MIN],
      ["-9223372036.8547758085", undefined],
      ["9999999999", undefined],
      [Number.MAX_VALUE, undefined],
    ]);
  });

  test("unless they are not a finite decimal number", () => {
    const texts = [
      "",
      " ",
      ".",
      "-",
      "e5",
      ".e5",
      "1e",
      "1e+",
      "1.2.3",
      "--1",
      "1 ",
      " 1",
      "1\n",
      "1,000",
      "$1",
    ];
    const otherNotations = ["0x10", "1_000", "1n", "Infinity", "NaN", "null", "١", "−1", "1e1.5"];
    for (const text of [...texts, ...otherNotations]) readsAs([[text, undefined]]);
    for (const number of [Number.NaN, Infinity, -Infinity]) readsAs([[number, undefined]]);
  });

  test("for any exponent, without computing its power of ten", () => {
    readsAs([
      ["1e999999999", undefined],
      ["-1e999999999", undefined],
      ["1e-999999999", 0n],
      ["0e999999999", 0n],
      [`1e${"9".repeat(400)}`, undefined],
      [`1e-${"9".repeat(400)}`, 0n],
      [`0e${"9".repeat(400)}`, 0n],
      [`0.${"0".repeat(999)}1e1000`, 1_000_000_000n],
      [`1${"0".repeat(999)}e-999`, 1_000_000_000n],
    ]);
  });

  test("from texts of bounded length only", () => {
    readsAs([
      ["1".padStart(DOLLARS_CHARACTERS_MAX, "0"), 1_000_000_000n],
      ["1".padStart(DOLLARS_CHARACTERS_MAX + 1, "0"), undefined],
      ["1".repeat(10_000_000), undefined],
    ]);
  });
});

suite("nano-USD become text", () => {
  test("in dollars: exact, with the fewest digits", () => {
    assert.equal(dollarsFromNanoUsd(5_100n), "0.0000051");
    assert.equal(dollarsFromNanoUsd(-3_000_000_000n), "-3");
    assert.equal(dollarsFromNanoUsd(10_500_000_000n), "10.5");
    assert.equal(dollarsFromNanoUsd(0n), "0");
    assert.equal(dollarsFromNanoUsd(-1n), "-0.000000001");
    assert.equal(dollarsFromNanoUsd(100_000_000_000n), "100");
    assert.equal(dollarsFromNanoUsd(NANO_USD_MAX), "9223372036.854775807");
    assert.equal(dollarsFromNanoUsd(NANO_USD_MIN), "-9223372036.854775808");
  });

  test("for people: with at least two decimals", () => {
    assert.equal(formatUsd(10_000_000_000n), "$10.00");
    assert.equal(formatUsd(5_100n), "$0.0000051");
    assert.equal(formatUsd(-3_500_000_000n), "-$3.50");
    assert.equal(formatUsd(0n), "$0.00");
    assert.equal(formatUsd(1_234_000_000n), "$1.234");
  });
});

test("a division rounds half away from zero", () => {
  assert.equal(divideHalfAwayFromZero(5n, 2n), 3n);
  assert.equal(divideHalfAwayFromZero(-5n, 2n), -3n);
  assert.equal(divideHalfAwayFromZero(5n, -2n), -3n);
  assert.equal(divideHalfAwayFromZero(-5n, -2n), 3n);
  assert.equal(divideHalfAwayFromZero(4n, 3n), 1n);
  assert.equal(divideHalfAwayFromZero(-5n, 3n), -2n);
  assert.equal(divideHalfAwayFromZero(0n, -7n), 0n);
  assert.equal(divideHalfAwayFromZero(1n, 3n), 0n);
  assert.throws(() => divideHalfAwayFromZero(1n, 0n), RangeError);
});
