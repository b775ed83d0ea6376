import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Budget } from "../../../src/domain/budget.ts";
import type { Entry } from "../../../src/domain/entry.ts";
import { NANO_USD_MAX } from "../../../src/domain/money.ts";
import { decideBatch } from "../../../src/engine/commit/batch.ts";
import { decide } from "../../../src/engine/commit/decide.ts";
import type { Decision } from "../../../src/engine/commit/decision.ts";
import type { Operation } from "../../../src/engine/commit/operation.ts";
import { budgetOf, chargeOf, DAY_US, reasonOf, resetOf } from "../../support/decisions.ts";

/** Decides on a path, with the ledger entry of the same request id if there is one. */
const decideOn = (path: readonly Budget[], operation: Operation, entry: Entry | undefined, nowUs: bigint) =>
  withEntry(decide({ path, entry }, operation, nowUs));

/** A decision with the entry that it adds to the ledger, if any. */
const withEntry = (decision: Decision) => ({ ...decision, entry: decision.entries[0]?.entry });

const reset = resetOf();

describe("decide", () => {
  it("adds a charge even if it exceeds the total", () => {
    const { path, entry, verdict } = decideOn([budgetOf()], chargeOf(3_000_000_000n), undefined, 20n);
    assert.equal(verdict.ok, true);
    assert.equal(path[0]?.spentNanoUsd, 3_000_000_000n);
    assert.equal(entry?.spentAfterNanoUsd, 3_000_000_000n);
    assert.equal(entry?.createdAtUs, 20n);
  });

  it("gives the entries of a budget strictly increasing times, even if the clock goes backwards", () => {
    for (const nowUs of [-5n, 9n, 10n]) {
      const { entry } = decideOn([budgetOf()], chargeOf(1n), undefined, nowUs);
      assert.equal(entry?.createdAtUs, 11n);
    }
  });

  it("opens the new period after the old one has ended, and records the spending of the old one", () => {
    const stored = budgetOf({ spentNanoUsd: 70n });
    const { path, closed, entry } = decideOn([stored], chargeOf(5n), undefined, 2n * DAY_US + 1n);
    assert.equal(path[0]?.spentNanoUsd, 5n);
    assert.equal(path[0]?.periodStartUs, 2n * DAY_US);
    assert.equal(entry?.periodId, path[0]?.periodId);
    assert.deepEqual(
      closed.map((period) => [period.periodStartUs, period.periodEndUs, period.spentNanoUsd]),
      [[0n, DAY_US, 70n]],
    );
  });

  it("counts the last microsecond of a period in it, and the next in the new one", () => {
    const stored = budgetOf({ spentNanoUsd: 70n });
    assert.equal(decideOn([stored], chargeOf(5n), undefined, DAY_US - 1n).path[0]?.spentNanoUsd, 75n);
    assert.equal(decideOn([stored], chargeOf(5n), undefined, DAY_US).path[0]?.spentNanoUsd, 5n);
  });

  it("keeps no record of a window in which nothing was spent", () => {
    assert.deepEqual(decideOn([budgetOf()], chargeOf(5n), undefined, DAY_US).closed, []);
  });

  it("resets within the window: the closed period ends now, and the new one ends when the old one would have", () => {
    const { path, closed, entry } = decideOn([budgetOf({ spentNanoUsd: 70n })], reset, undefined, 100n);
    assert.deepEqual(
      closed.map((period) => [period.periodEndUs, period.spentNanoUsd]),
      [[100n, 70n]],
    );
    assert.deepEqual([path[0]?.spentNanoUsd, path[0]?.periodStartUs], [0n, 100n]);
    assert.equal(path[0]?.periodEndUs, DAY_US);
    assert.equal(entry?.costNanoUsd, 0n);
  });

  it("gives the period that a reset opens a new id, also when the stored period had ended", () => {
    const { path, entry } = decideOn([budgetOf({ spentNanoUsd: 70n })], reset, undefined, DAY_US);
    assert.deepEqual([path[0]?.periodId, path[0]?.periodStartUs], [DAY_US + 1n, DAY_US + 1n]);
    assert.equal(entry?.createdAtUs, DAY_US + 1n);
  });

  it("refuses a charge that would overflow the spending or the remainder, and changes nothing", () => {
    const full = budgetOf({ spentNanoUsd: NANO_USD_MAX - 1n });
    for (const stored of [full, budgetOf({ heldNanoUsd: NANO_USD_MAX })]) {
      const decision = decideOn([stored], chargeOf(2n), undefined, 20n);
      assert.equal(reasonOf(decision.verdict), "AMOUNT_OVERFLOW");
      assert.equal(decision.path[0], stored);
      assert.equal(decision.entry, undefined);
    }
    assert.equal(decideOn([full], chargeOf(1n), undefined, 20n).verdict.ok, true);
  });

  it("checks existence before replay, and replay before everything else", () => {
    const { entry } = decideOn([budgetOf()], chargeOf(1n), undefined, 20n);
    const full = budgetOf({ spentNanoUsd: NANO_USD_MAX });
    assert.equal(reasonOf(decideOn([], chargeOf(1n), entry, 20n).verdict), "BUDGET_NOT_FOUND");
    assert.equal(decideOn([full], chargeOf(1n), entry, 20n).verdict.ok, true);
    const other = chargeOf(1n, { fingerprint: "other" });
    assert.equal(reasonOf(decideOn([full], other, entry, 20n).verdict), "REQUEST_ID_REUSED");
  });

  it("answers a replay with the amounts and the period of the first answer", () => {
    const first = decideOn([budgetOf()], chargeOf(1n), undefined, 20n);
    const much = budgetOf({ spentNanoUsd: 900n, totalNanoUsd: 5n, updatedAtUs: 500n });
    const again = decideOn([much], chargeOf(1n), first.entry, 3n * DAY_US);
    assert.ok(first.verdict.ok && again.verdict.ok);
    assert.equal(again.verdict.replayed, true);
    assert.deepEqual(again.verdict.budget, first.verdict.budget);
    assert.equal(again.path[0], much);
  });

  it("counts a charge on every ancestor, each in its own period; a reset on no ancestor", () => {
    const parent = budgetOf({ user: "team", period: undefined, periodEndUs: undefined, spentNanoUsd: 40n });
    const child = budgetOf({ parent: "team", spentNanoUsd: 7n });
    const charged = decideOn([child, parent], chargeOf(2n), undefined, DAY_US);
    assert.deepEqual(
      charged.path.map((each) => each.spentNanoUsd),
      [2n, 42n],
    );
    assert.deepEqual(charged.entry?.ancestors, ["team"]);
    assert.equal(decideOn([child, parent], reset, undefined, 20n).path[1], parent);
  });
});

describe("a batch", () => {
  const ground = {
    budgets: new Map([["p\0alice", budgetOf()]]),
    entries: new Map(),
    reservations: new Map(),
    nowUs: 20n,
  };

  it("decides each operation on the state left by the previous ones", () => {
    const { verdicts, changes } = decideBatch(
      [
        chargeOf(1n, { requestId: "a" }),
        chargeOf(2n, { requestId: "a" }),
        chargeOf(2n, { requestId: "b", fingerprint: "f2", user: "nobody" }),
        chargeOf(4n, { requestId: "c", model: "n" }),
        chargeOf(1n, { requestId: "a" }),
        chargeOf(9n, { requestId: "c", fingerprint: "other" }),
      ],
      ground,
    );
    assert.deepEqual(
      verdicts.map((verdict) => (verdict.ok ? verdict.replayed : verdict.error.reason)),
      [false, true, "BUDGET_NOT_FOUND", false, true, "REQUEST_ID_REUSED"],
    );
    assert.deepEqual(
      changes.budgets.map((each) => each.spentNanoUsd),
      [5n],
    );
    assert.deepEqual(
      changes.modelCosts.map((cost) => [cost.model, cost.costNanoUsd]),
      [
        ["m", 1n],
        ["n", 4n],
      ],
    );
    assert.deepEqual(
      changes.entries.map((entry) => entry.createdAtUs),
      [20n, 21n],
    );
  });

  it("writes nothing if every operation was refused or replayed", () => {
    const { changes } = decideBatch([chargeOf(1n, { user: "nobody" })], ground);
    assert.deepEqual(changes, {
      budgets: [],
      entries: [],
      modelCosts: [],
      closed: [],
      reservations: [],
      records: [],
      settings: [],
      created: [],
      deleted: [],
      audited: [],
    });
  });
});
