import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dollarsOf, nanoUsdOf } from "../../src/client/dollars.ts";

test("dollars given as a number are converted from the number's shortest decimal, rounded half away from zero", () => {
  const cases: [dollars: number, nanoUsd: bigint][] = [
    [0, 0n],
    [-0, 0n],
    [0.1, 100_000_000n],
    [1e-9, 1n],
    [5e-10, 1n],
    [4.9e-10, 0n],
    [1.0000000005, 1_000_000_001n],
    [9_223_372_036, 9_223_372_036_000_000_000n],
  ];
  for (const [dollars, nanoUsd] of cases) assert.equal(nanoUsdOf("x", dollars), nanoUsd, String(dollars));
});

test("an invalid amount is refused, and the error names its parameter", () => {
  for (const dollars of [-1, -1e-300, Number.NaN, Infinity, -Infinity, 9_223_372_037, 1e300]) {
    assert.throws(() => nanoUsdOf("totalBudget", dollars), /^RangeError: totalBudget: must be an amount/);
  }
  for (const other of ["1", 1n, null, undefined]) {
    assert.throws(
      () => nanoUsdOf("totalBudget", other as never),
      /^TypeError: totalBudget: must be a number/,
    );
  }
});

test("an amount is returned as the nearest number, and converts back to itself as far as a number can represent it", () => {
  assert.equal(dollarsOf(-2_500_000n), -0.0025);
  assert.equal(dollarsOf(2n ** 63n - 1n), 9223372036.854776);
  const held = fc.bigInt({ min: 0n, max: 10n ** 15n });
  fc.assert(fc.property(held, (nanoUsd) => nanoUsdOf("x", dollarsOf(nanoUsd)) === nanoUsd));
});
