import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Budget } from "../../../src/domain/budget.ts";
import { NANO_USD_MAX } from "../../../src/domain/money.ts";
import { decide } from "../../../src/engine/commit/decide.ts";
import type { Below, Facts } from "../../../src/engine/commit/decision.ts";
import type { BudgetChange, Delete, Roll, Update } from "../../../src/engine/commit/operation.ts";
import { budgetOf, createOf, DAY_US, reasonOf } from "../../support/decisions.ts";

const named = { project: "p", user: "alice" };
const DAILY = { unit: "DAY", count: 1, timeZone: "UTC", anchorUs: undefined } as const;
const YEAR_9800_US = BigInt(Date.UTC(9800, 0)) * 1_000n;
const remove: Delete = { kind: "delete", ...named, actor: "test" };
const roll: Roll = { kind: "roll", ...named };
const updateOf = (change: BudgetChange): Update => ({ kind: "update", ...named, change, actor: "test" });
const below = (changes: Partial<Below> = {}): Below => ({
  levels: 0,
  heldByModel: new Map(),
  spentByModel: new Map(),
  ...changes,
});
/** A chain of budgets, nearest first. */
const chain = (...users: string[]): Budget[] =>
  users.map((user, level) => budgetOf({ user, parent: users[level + 1] }));
const ancestors = (count: number): Budget[] =>
  chain(...Array.from({ length: count }, (_, n) => `level-${n}`));
const stored = budgetOf({ spentNanoUsd: 70n, heldNanoUsd: 5n });

describe("the creation of a budget", () => {
  it("begins its period at the anchor's window, or now", () => {
    const nowUs = 5n * DAY_US + 30n;
    const windowOf = (anchorUs: bigint | undefined) => {
      const decision = decide({ path: [] }, createOf({ period: { ...DAILY, anchorUs } }), nowUs);
      const [budget] = decision.path;
      assert.equal(decision.written, "created");
      assert.deepEqual([budget?.periodId, budget?.createdAtUs, budget?.updatedAtUs], [nowUs, nowUs, nowUs]);
      return [budget?.period?.anchorUs, budget?.periodStartUs, budget?.periodEndUs];
    };
    assert.deepEqual(windowOf(undefined), [nowUs, nowUs, nowUs + DAY_US]);
    assert.deepEqual(windowOf(10n), [10n, 5n * DAY_US + 10n, 6n * DAY_US + 10n]);
  });

  it("has one endless period without a period, and starts with nothing spent or held", () => {
    const modelLimits = [{ model: "m", limitNanoUsd: 9n }];
    const decision = decide(
      { path: [], parentPath: chain("team") },
      createOf({ parent: "team", modelLimits }),
      30n,
    );
    assert.deepEqual(decision.path, [
      budgetOf({
        period: undefined,
        periodId: 30n,
        periodStartUs: 30n,
        periodEndUs: undefined,
        parent: "team",
        modelLimits: [{ model: "m", limitNanoUsd: 9n, spentNanoUsd: 0n, heldNanoUsd: 0n }],
        creationFingerprint: "f-create",
        createdAtUs: 30n,
        updatedAtUs: 30n,
      }),
    ]);
    assert.ok(decision.verdict.ok && decision.verdict.changed && !decision.verdict.replayed);
  });

  it("is answered with the budget as it is now when it is requested again, even if its parent is gone", () => {
    const created = budgetOf({ creationFingerprint: "f-create", spentNanoUsd: 70n });
    const again = decide({ path: [created] }, createOf({ parent: "gone" }), DAY_US);
    assert.ok(again.verdict.ok && again.verdict.replayed && !again.verdict.changed);
    assert.equal(again.verdict.budget.spentNanoUsd, 0n);
    assert.equal(again.path[0], created);
    const other = decide({ path: [created] }, createOf({ fingerprint: "other" }), 20n);
    assert.equal(reasonOf(other.verdict), "BUDGET_EXISTS");
  });

  it("is refused when its period would end after the year 9999", () => {
    const period = { ...DAILY, unit: "YEAR" as const, count: 1_000 };
    const { verdict, path } = decide({ path: [] }, createOf({ period }), YEAR_9800_US);
    assert.ok(!verdict.ok && verdict.error.reason === "INVALID_FIELD");
    assert.equal(verdict.error.field, "period.count");
    assert.deepEqual(path, []);
  });

  it("may have a period that ends in the last microsecond of the year 9999", () => {
    const lastUs = BigInt(Date.UTC(10_000, 0)) * 1_000n - 1n;
    const endingAt = (endUs: bigint) => {
      const period = { ...DAILY, anchorUs: endUs - DAY_US };
      return decide({ path: [] }, createOf({ period }), endUs - 1n);
    };
    assert.equal(endingAt(lastUs).path[0]?.periodEndUs, lastUs);
    assert.equal(reasonOf(endingAt(lastUs + 1n).verdict), "INVALID_FIELD");
  });

  const parents: [string, string, Facts["parentPath"], string][] = [
    ["itself", "alice", [], "PARENT_CYCLE"],
    ["a budget that does not exist", "team", [], "PARENT_NOT_FOUND"],
    ["the seventh ancestor", "level-0", ancestors(7), "ok"],
    ["the eighth ancestor", "level-0", ancestors(8), "INVALID_FIELD"],
  ];
  for (const [what, parent, parentPath, reason] of parents) {
    it(`below ${what} is answered with ${reason}`, () => {
      assert.equal(reasonOf(decide({ path: [], parentPath }, createOf({ parent }), 30n).verdict), reason);
    });
  }
});

describe("the update of a budget", () => {
  it("changes the settings that it names, and keeps the others, the amounts and the start of the period", () => {
    const decision = decide({ path: [stored] }, updateOf({ totalNanoUsd: 500n }), 20n);
    assert.deepEqual(decision.path, [{ ...stored, totalNanoUsd: 500n, updatedAtUs: 20n }]);
    assert.equal(decision.written, "settings");
    assert.deepEqual(decision.closed, []);
  });

  it("opens the current period first, and records the one that has ended", () => {
    const decision = decide({ path: [stored] }, updateOf({ totalNanoUsd: 500n }), DAY_US + 5n);
    assert.deepEqual([decision.path[0]?.spentNanoUsd, decision.path[0]?.periodStartUs], [0n, DAY_US]);
    assert.deepEqual(
      decision.closed.map(({ periodEndUs, spentNanoUsd, totalNanoUsd }) => [
        periodEndUs,
        spentNanoUsd,
        totalNanoUsd,
      ]),
      [[DAY_US, 70n, 1_000_000_000n]],
    );
  });

  it("replaces the period from now on, and keeps the start of the current one", () => {
    const weekly = { ...DAILY, unit: "WEEK" as const };
    const [weeklyBudget] = decide({ path: [stored] }, updateOf({ period: weekly }), 20n).path;
    assert.deepEqual(
      [weeklyBudget?.period?.anchorUs, weeklyBudget?.periodStartUs, weeklyBudget?.periodEndUs],
      [20n, 0n, 20n + 7n * DAY_US],
    );
    const [endless] = decide({ path: [stored] }, updateOf({ period: undefined }), 20n).path;
    assert.deepEqual(
      [endless?.period, endless?.periodStartUs, endless?.periodEndUs],
      [undefined, 0n, undefined],
    );
    const ages = { ...DAILY, unit: "YEAR" as const, count: 1_000 };
    const { verdict, path } = decide({ path: [stored] }, updateOf({ period: ages }), YEAR_9800_US);
    assert.equal(reasonOf(verdict), "INVALID_FIELD");
    assert.equal(path[0], stored);
  });

  it("counts in a new limit what its models have spent in this period and what is held for them", () => {
    const counts = below({
      spentByModel: new Map([
        ["gpt-4o", 30n],
        ["gpt-4o-mini", 20n],
        ["claude", 10n],
      ]),
      heldByModel: new Map([
        ["gpt-4o", 3n],
        ["claude", 1n],
      ]),
    });
    const modelLimits = ["gpt*", "claude", "o1"].map((model) => ({ model, limitNanoUsd: 9n }));
    const limitsAt = (nowUs: bigint) =>
      decide({ path: [stored], below: counts }, updateOf({ modelLimits }), nowUs).path[0]?.modelLimits.map(
        (limit) => [limit.spentNanoUsd, limit.heldNanoUsd],
      );
    assert.deepEqual(limitsAt(20n), [
      [50n, 3n],
      [10n, 1n],
      [0n, 0n],
    ]);
    // The spent amounts belong to the period that has ended. What is held stays.
    assert.deepEqual(limitsAt(DAY_US), [
      [0n, 3n],
      [0n, 1n],
      [0n, 0n],
    ]);
  });

  it("is refused when what remains would leave the 64-bit range", () => {
    const overspent = budgetOf({ spentNanoUsd: -2n });
    const { verdict, path } = decide({ path: [overspent] }, updateOf({ totalNanoUsd: NANO_USD_MAX }), 20n);
    assert.equal(reasonOf(verdict), "AMOUNT_OVERFLOW");
    assert.equal(path[0], overspent);
    assert.equal(
      reasonOf(decide({ path: [overspent] }, updateOf({ totalNanoUsd: NANO_USD_MAX - 2n }), 20n).verdict),
      "ok",
    );
  });

  it("moves a budget below a parent, or makes it a root, and leaves its old ancestors alone", () => {
    const path = chain("alice", "team");
    const moved = decide({ path, parentPath: chain("org") }, updateOf({ parent: "org" }), 20n);
    assert.deepEqual([moved.path[0]?.parent, moved.path[1]], ["org", path[1]]);
    assert.equal(decide({ path }, updateOf({ parent: undefined }), 20n).path[0]?.parent, undefined);
    assert.equal(decide({ path }, updateOf({ totalNanoUsd: 1n }), 20n).path[0]?.parent, "team");
  });

  const held = below({ heldByModel: new Map([["m", 1n]]) });
  const moves: [string, Partial<Facts>, string | undefined, string][] = [
    ["below itself", {}, "alice", "PARENT_CYCLE"],
    ["below its descendant", { parentPath: chain("bob", "alice") }, "bob", "PARENT_CYCLE"],
    ["below a budget that does not exist", {}, "org", "PARENT_NOT_FOUND"],
    ["with a reservation open below", { parentPath: chain("org"), below: held }, "org", "BUDGET_IN_USE"],
    ["to the root with a reservation open below", { below: held }, undefined, "BUDGET_IN_USE"],
    [
      "to its own parent with a reservation open below",
      { parentPath: chain("team"), below: held },
      "team",
      "ok",
    ],
    ["to the eighth level", { parentPath: ancestors(5), below: below({ levels: 2 }) }, "level-0", "ok"],
    [
      "to the ninth level",
      { parentPath: ancestors(5), below: below({ levels: 3 }) },
      "level-0",
      "INVALID_FIELD",
    ],
  ];
  for (const [what, facts, parent, reason] of moves) {
    it(`that moves a budget ${what} is answered with ${reason}`, () => {
      const path = chain("alice", "team");
      const decision = decide({ path, ...facts }, updateOf({ parent }), 20n);
      assert.equal(reasonOf(decision.verdict), reason);
      if (reason !== "ok") assert.equal(decision.path, path);
    });
  }
});

describe("the deletion of a budget", () => {
  it("shows the budget right before it, and records no period", () => {
    const path = [stored, budgetOf({ user: "team" })];
    const decision = decide({ path }, remove, DAY_US);
    assert.ok(decision.verdict.ok);
    assert.equal(decision.verdict.budget.spentNanoUsd, 0n);
    assert.deepEqual([decision.written, decision.closed, decision.path[1]], ["deleted", [], path[1]]);
  });

  it("is refused while there are budgets or open reservations below", () => {
    for (const used of [below({ levels: 1 }), below({ heldByModel: new Map([["m", 0n]]) })]) {
      const decision = decide({ path: [stored], below: used }, remove, 20n);
      assert.equal(reasonOf(decision.verdict), "BUDGET_IN_USE");
    }
    assert.equal(reasonOf(decide({ path: [stored], below: below() }, remove, 20n).verdict), "ok");
  });
});

describe("the move of a budget to its current period", () => {
  const path = [stored, budgetOf({ user: "team", spentNanoUsd: 90n })];

  it("opens it at the end of the old one, and changes no ancestor", () => {
    const decision = decide({ path }, roll, DAY_US);
    assert.deepEqual([decision.path[0]?.spentNanoUsd, decision.path[0]?.heldNanoUsd], [0n, 5n]);
    assert.equal(decision.path[1], path[1]);
    assert.deepEqual(
      decision.closed.map(({ user, spentNanoUsd }) => [user, spentNanoUsd]),
      [["alice", 70n]],
    );
    assert.ok(decision.verdict.ok && decision.verdict.changed);
  });

  it("does nothing before the end, or without an end", () => {
    for (const own of [stored, budgetOf({ period: undefined, periodEndUs: undefined })]) {
      const decision = decide({ path: [own] }, roll, DAY_US - 1n);
      assert.ok(decision.verdict.ok && !decision.verdict.changed);
      assert.equal(decision.path[0], own);
    }
  });
});
