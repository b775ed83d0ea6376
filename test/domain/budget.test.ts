import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  amountsFit,
  appliesTo,
  atInstant,
  type Budget,
  budgetKey,
  closePeriod,
  type ModelLimit,
  openPeriod,
  remaining,
  tick,
  withAmounts,
} from "../../src/domain/budget.ts";
import { requestKey } from "../../src/domain/entry.ts";
import { NANO_USD_MAX, NANO_USD_MIN } from "../../src/domain/money.ts";
import { reservationKey } from "../../src/domain/reservation.ts";

const DAY_US = 86_400_000_000n;

const limit = (model: string, more: Partial<ModelLimit> = {}): ModelLimit => ({
  model,
  limitNanoUsd: 50n,
  spentNanoUsd: 0n,
  heldNanoUsd: 0n,
  ...more,
});

const budget = (more: Partial<Budget> = {}): Budget => ({
  project: "p",
  user: "u",
  totalNanoUsd: 100n,
  spentNanoUsd: 30n,
  heldNanoUsd: 20n,
  period: { unit: "DAY", count: 1, anchorUs: 0n, timeZone: "UTC" },
  periodId: 7n,
  periodStartUs: DAY_US,
  periodEndUs: 2n * DAY_US,
  parent: "team",
  modelLimits: [],
  creationFingerprint: "f",
  createdAtUs: 5n,
  updatedAtUs: DAY_US + 10n,
  ...more,
});

describe("a limit for models", () => {
  it("applies to its model, or with an asterisk to every model that starts like it", () => {
    const applied = (pattern: string, model: string) => appliesTo({ model: pattern }, model);
    assert.ok(applied("gpt-4o", "gpt-4o"));
    assert.ok(!applied("gpt-4o", "gpt-4o-mini"));
    assert.ok(!applied("gpt-4o-mini", "gpt-4o"));
    assert.ok(applied("gpt-4o*", "gpt-4o"));
    assert.ok(applied("gpt-4o*", "gpt-4o-mini"));
    assert.ok(!applied("gpt-4o*", "gpt-4"));
    assert.ok(!applied("gpt-4o*", "my-gpt-4o"));
    assert.ok(applied("*", "anything"));
    // An asterisk elsewhere is a character like any other.
    assert.ok(!applied("g*4", "gpt-4"));
    assert.ok(applied("g*4", "g*4"));
  });
});

describe("what remains of a budget", () => {
  it("is the total without what was spent and what is held", () => {
    assert.equal(remaining(budget()), 50n);
    assert.equal(remaining(budget({ spentNanoUsd: 90n })), -10n);
    assert.equal(remaining(budget({ spentNanoUsd: -5n, heldNanoUsd: 0n })), 105n);
  });
});

describe("the amounts of a budget", () => {
  const fits = (totalNanoUsd: bigint, spentNanoUsd: bigint, heldNanoUsd: bigint) =>
    amountsFit(budget({ totalNanoUsd, spentNanoUsd, heldNanoUsd }));

  it("fit while spent, and total without spent, are 64-bit integers", () => {
    assert.ok(fits(0n, NANO_USD_MAX, 0n));
    assert.ok(!fits(0n, NANO_USD_MAX + 1n, 0n));
    assert.ok(fits(-1n, NANO_USD_MAX, 0n));
    assert.ok(!fits(-2n, NANO_USD_MAX, 0n));
    assert.ok(fits(NANO_USD_MAX, 0n, 0n));
    assert.ok(!fits(NANO_USD_MAX, -1n, 0n));
    // With a hold, the remainder fits, but it would not fit after the hold has ended.
    assert.ok(!fits(NANO_USD_MAX, -1n, 1n));
    assert.ok(fits(NANO_USD_MIN, NANO_USD_MIN, 0n));
    assert.ok(!fits(NANO_USD_MIN, NANO_USD_MIN - 1n, 0n));
  });

  it("fit while they would also fit if every hold was charged", () => {
    assert.ok(fits(NANO_USD_MAX, NANO_USD_MAX - 5n, 5n));
    assert.ok(!fits(NANO_USD_MAX, NANO_USD_MAX - 5n, 6n));
    assert.ok(fits(-1n, 1n, NANO_USD_MAX - 1n));
    assert.ok(!fits(-2n, 1n, NANO_USD_MAX - 1n));
  });

  it("change together with those of the limits for the model, and of no other limit", () => {
    const before = budget({
      modelLimits: [limit("gpt-4o", { spentNanoUsd: 1n, heldNanoUsd: 2n }), limit("gpt-*"), limit("claude")],
    });
    const after = withAmounts(before, { model: "gpt-4o", spentNanoUsd: 4n, heldNanoUsd: -2n });
    assert.deepEqual(after, {
      ...before,
      spentNanoUsd: 34n,
      heldNanoUsd: 18n,
      modelLimits: [
        limit("gpt-4o", { spentNanoUsd: 5n, heldNanoUsd: 0n }),
        limit("gpt-*", { spentNanoUsd: 4n, heldNanoUsd: -2n }),
        limit("claude"),
      ],
    });
    assert.deepEqual(withAmounts(before, { model: "x", heldNanoUsd: 1n }), { ...before, heldNanoUsd: 21n });
    assert.deepEqual(withAmounts(before, { model: "x", spentNanoUsd: 1n }), { ...before, spentNanoUsd: 31n });
  });

  it("are not changed if the result would not fit", () => {
    const full = budget({ totalNanoUsd: NANO_USD_MAX, spentNanoUsd: NANO_USD_MAX - 1n, heldNanoUsd: 0n });
    assert.equal(withAmounts(full, { model: "m", spentNanoUsd: 1n })?.spentNanoUsd, NANO_USD_MAX);
    assert.equal(withAmounts(full, { model: "m", spentNanoUsd: 2n }), undefined);
    assert.equal(withAmounts(full, { model: "m", heldNanoUsd: 2n }), undefined);
  });
});

describe("a budget's own clock", () => {
  it("is the database's clock if that is later than the last change, and else a microsecond after the change", () => {
    assert.equal(tick(budget({ updatedAtUs: 10n }), 11n), 11n);
    assert.equal(tick(budget({ updatedAtUs: 10n }), 10n), 11n);
    assert.equal(tick(budget({ updatedAtUs: 10n }), 3n), 11n);
  });
});

describe("a budget at an instant", () => {
  it("is as stored before the end of its period", () => {
    const stored = budget();
    assert.equal(atInstant(stored, 2n * DAY_US - 1n), stored);
    assert.equal(atInstant(stored, 0n), stored);
  });

  it("has a new period from the very end of the stored one, with nothing spent and all holds", () => {
    const stored = budget({ modelLimits: [limit("m", { spentNanoUsd: 9n, heldNanoUsd: 3n })] });
    assert.deepEqual(atInstant(stored, 2n * DAY_US), {
      ...stored,
      spentNanoUsd: 0n,
      modelLimits: [limit("m", { heldNanoUsd: 3n })],
      periodId: 2n * DAY_US,
      periodStartUs: 2n * DAY_US,
      periodEndUs: 3n * DAY_US,
    });
  });

  it("is in the window of that instant, even after several windows, and its id is the instant", () => {
    const { periodId, periodStartUs, periodEndUs } = atInstant(budget(), 5n * DAY_US + 8n);
    assert.deepEqual([periodId, periodStartUs, periodEndUs], [5n * DAY_US + 8n, 5n * DAY_US, 6n * DAY_US]);
  });

  it("is as stored forever if it has no period, or if its period has no end", () => {
    for (const stored of [
      budget({ period: undefined, periodEndUs: undefined }),
      budget({ period: undefined }),
      budget({ periodEndUs: undefined }),
    ]) {
      assert.equal(atInstant(stored, 100n * DAY_US), stored);
    }
  });
});

describe("a period of a budget", () => {
  it("that is opened has nothing spent, and keeps the holds and everything else", () => {
    const stored = budget({ modelLimits: [limit("m", { spentNanoUsd: 9n, heldNanoUsd: 3n })] });
    assert.deepEqual(openPeriod(stored, { idUs: 1n, startUs: 2n, endUs: undefined }), {
      ...stored,
      spentNanoUsd: 0n,
      modelLimits: [limit("m", { heldNanoUsd: 3n })],
      periodId: 1n,
      periodStartUs: 2n,
      periodEndUs: undefined,
    });
  });

  it("that is closed has its own start, and ends when it was closed", () => {
    assert.deepEqual(closePeriod(budget(), 1234n), {
      project: "p",
      user: "u",
      periodId: 7n,
      periodStartUs: DAY_US,
      periodEndUs: 1234n,
      spentNanoUsd: 30n,
      totalNanoUsd: 100n,
    });
  });
});

describe("a key", () => {
  it("separates the project from the rest, so that no two names have the same key", () => {
    for (const key of [budgetKey, requestKey, reservationKey]) {
      assert.equal(key("ab", "c"), "ab\0c");
      assert.notEqual(key("ab", "c"), key("a", "bc"));
      assert.notEqual(key("a", "b"), key("b", "a"));
    }
  });
});
