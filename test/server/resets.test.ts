import assert from "node:assert/strict";
import { test } from "node:test";
import { Duration } from "../../gen/es/budget/v1/budget_pb.ts";
import { EntryKind, EntrySource } from "../../gen/es/budget/v1/cost_pb.ts";
import { budgetIn, charge, fieldsOf, stateOf, suiteForEach } from "../support/api.ts";
import { assertRefused } from "../support/errors.ts";

suiteForEach("ResetCost", {}, (api) => {
  const newBudget = async () => {
    const name = api.newName();
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 10n, duration: Duration.MONTHLY });
    return name;
  };

  test("opens a period with nothing spent, which ends when the previous one would have", async () => {
    const name = await newBudget();
    await charge(api, name, 12n);
    const before = await budgetIn(api.client.getBudget(name));
    const { budget, replayed } = await api.client.resetCost(name);
    assert.ok(budget !== undefined);
    assert.equal(replayed, false);
    assert.equal(budget.spentNanoUsd, 0n);
    assert.equal(budget.remainingNanoUsd, 10n);
    assert.deepEqual(budget.periodStart, budget.updateTime);
    assert.deepEqual(budget.periodEnd, before.periodEnd);
    assert.deepEqual(await budgetIn(api.client.getBudget(name)), budget);
    assert.deepEqual((await api.client.getCurrentCost(name)).modelCosts, {});
  });

  test("keeps the closed period readable, with the spending of each model", async () => {
    const name = await newBudget();
    await charge(api, name, 3n, { model: "a" });
    await charge(api, name, 4n, { model: "b" });
    const before = await budgetIn(api.client.getBudget(name));
    const { budget } = await api.client.resetCost(name);
    const { periods } = await api.client.listPeriods(name);
    assert.deepEqual(periods.map(fieldsOf), [
      {
        periodStart: before.periodStart,
        periodEnd: budget?.periodStart,
        spentNanoUsd: 7n,
        totalBudgetNanoUsd: 10n,
        modelCosts: { a: 3n, b: 4n },
      },
    ]);
  });

  test("adds a ledger entry", async () => {
    const name = await newBudget();
    const { requestId } = await api.client.resetCost(name);
    const { entries } = await api.client.listCostEntries(name);
    assert.deepEqual(
      entries.map((entry) => [entry.requestId, entry.kind, entry.source, entry.model, entry.costNanoUsd]),
      [[requestId, EntryKind.RESET, EntrySource.RESET, "", 0n]],
    );
  });

  test("happens once for a request_id, even if charges came in between", async () => {
    const name = await newBudget();
    await charge(api, name, 3n);
    const first = await api.client.resetCost({ ...name, requestId: "r-1" });
    await charge(api, name, 4n);
    const before = await stateOf(api, name);
    const second = await api.client.resetCost({ ...name, requestId: "r-1" });
    assert.deepEqual(second, { ...first, replayed: true });
    assert.deepEqual(await stateOf(api, name), before);
  });

  test("resets a budget without a period, too", async () => {
    const name = api.newName();
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 10n });
    await charge(api, name, 3n);
    const { budget } = await api.client.resetCost(name);
    assert.equal(budget?.spentNanoUsd, 0n);
    assert.equal(budget.periodEnd, undefined);
  });

  test("leaves the other budgets of the project alone", async () => {
    const name = await newBudget();
    const bob = { ...name, user: "bob" };
    await api.client.createBudget({ ...bob, totalBudgetNanoUsd: 10n });
    await charge(api, bob, 3n);
    await api.client.resetCost(name);
    assert.equal((await budgetIn(api.client.getBudget(bob))).spentNanoUsd, 3n);
  });

  test("is NOT_FOUND for a budget that does not exist", async () => {
    const name = api.newName();
    await assertRefused(api.client.resetCost(name), "NotFound", "BUDGET_NOT_FOUND", name);
  });
});
