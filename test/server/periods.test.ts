import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { type ClosedPeriod, Duration } from "../../gen/es/budget/v1/budget_pb.ts";
import { type Api, budgetIn, charge, type Name, suiteForEach } from "../support/api.ts";
import { assertRefused } from "../support/errors.ts";

/**
 * A daily budget of 100 that spent 3 on `a` and 4 on `b`, in a period that ended an hour ago and that no call has
 * touched since.
 */
async function endedBudget(api: Api, user = "alice"): Promise<Name> {
  const name = { ...api.newName(), user };
  await api.client.createBudget({ ...name, totalBudgetNanoUsd: 100n, duration: Duration.DAILY });
  await charge(api, name, 3n, { model: "a" });
  await charge(api, name, 4n, { model: "b", requestId: "yesterday" });
  await api.server.age(name, "25 hours");
  return name;
}

const hour = (timestamp: Timestamp | undefined): number =>
  Math.round(timestamp === undefined ? Number.NaN : timestampDate(timestamp).getTime() / 3_600_000);

const amounts = (periods: readonly ClosedPeriod[]) =>
  periods.map(({ spentNanoUsd, totalBudgetNanoUsd, modelCosts }) => ({
    spentNanoUsd,
    totalBudgetNanoUsd,
    modelCosts,
  }));

const YESTERDAY = { spentNanoUsd: 7n, totalBudgetNanoUsd: 100n, modelCosts: { a: 3n, b: 4n } };

suiteForEach("After its period has ended, a budget", {}, (api) => {
  suite("is read in its new period before that period is written", () => {
    test("by GetBudget", async () => {
      const name = await endedBudget(api);
      const budget = await budgetIn(api.client.getBudget(name));
      assert.equal(budget.spentNanoUsd, 0n);
      assert.equal(budget.remainingNanoUsd, 100n);
      assert.equal(hour(budget.periodEnd) - hour(budget.periodStart), 24);
      assert.equal(hour(budget.periodStart), hour(budget.createTime) + 24);
    });

    test("by GetCurrentCost", async () => {
      const answer = await api.client.getCurrentCost(await endedBudget(api));
      assert.equal(answer.currentCostNanoUsd, 0n);
      assert.equal(answer.remainingNanoUsd, 100n);
      assert.deepEqual(answer.modelCosts, {});
    });

    test("by ListUsers", async () => {
      const { budgets } = await api.client.listUsers(await endedBudget(api));
      assert.deepEqual(
        budgets.map(({ spentNanoUsd }) => spentNanoUsd),
        [0n],
      );
    });

    test("by ProjectedCost", async () => {
      const name = await endedBudget(api);
      const answer = await api.client.projectedCost({ ...name, model: "gpt-4o-mini", text: "hello" });
      assert.equal(answer.currentCostNanoUsd, 0n);
      assert.equal(answer.remainingNanoUsd, 100n);
    });

    test("by ListPeriods, which includes the period that ended", async () => {
      const name = await endedBudget(api);
      const { periods } = await api.client.listPeriods(name);
      assert.deepEqual(amounts(periods), [YESTERDAY]);
      const { periodStart } = await budgetIn(api.client.getBudget(name));
      assert.deepEqual(periods[0]?.periodEnd, periodStart);
    });

    test("with a version of its own, the same for all who read it", async () => {
      const name = await endedBudget(api);
      const { updateTime, version } = await budgetIn(api.client.getBudget(name));
      const writtenUs = BigInt(timestampDate(updateTime as Timestamp).getTime()) * 1000n;
      assert.ok(version > writtenUs + 1000n, `${version} for a budget written at ${writtenUs}`);
      assert.equal((await budgetIn(api.client.getBudget(name))).version, version);
      assert.equal((await api.client.listUsers(name)).budgets[0]?.version, version);
      assert.ok(((await charge(api, name, 1n)).budget?.version ?? 0n) > version);
    });

    test("by CreateBudget with the original parameters", async () => {
      const name = await endedBudget(api);
      const request = { ...name, totalBudgetNanoUsd: 100n, duration: Duration.DAILY };
      assert.equal((await budgetIn(api.client.createBudget(request))).spentNanoUsd, 0n);
    });
  });

  suite("is written in its new period, with a record of the old one", () => {
    test("by UpdateCost", async () => {
      const name = await endedBudget(api);
      const answer = await charge(api, name, 5n, { model: "b" });
      assert.equal(answer.budget?.spentNanoUsd, 5n);
      assert.deepEqual((await api.client.getCurrentCost(name)).modelCosts, { b: 5n });
      assert.deepEqual(amounts((await api.client.listPeriods(name)).periods), [YESTERDAY]);
    });

    test("by UpdateBudget: the closed period keeps its old total", async () => {
      const name = await endedBudget(api);
      const updateMask = { paths: ["total_budget_nano_usd"] };
      await api.client.updateBudget({ ...name, updateMask, totalBudgetNanoUsd: 1n });
      assert.deepEqual(amounts((await api.client.listPeriods(name)).periods), [YESTERDAY]);
      assert.equal((await budgetIn(api.client.getBudget(name))).totalBudgetNanoUsd, 1n);
    });

    test("by ResetCost: two periods are closed then, the latter with nothing spent", async () => {
      const name = await endedBudget(api);
      await api.client.resetCost(name);
      const { periods } = await api.client.listPeriods(name);
      assert.deepEqual(amounts(periods), [{ ...YESTERDAY, spentNanoUsd: 0n, modelCosts: {} }, YESTERDAY]);
      assert.deepEqual(periods[0]?.periodStart, periods[1]?.periodEnd);
    });

    test("by SweepDurations of one user and of a project, after which nothing is left to do", async () => {
      const alice = await endedBudget(api);
      const bob = { ...alice, user: "bob" };
      await api.client.createBudget({ ...bob, totalBudgetNanoUsd: 1n, duration: Duration.DAILY });
      await api.server.age(bob, "25 hours");
      assert.equal((await api.client.sweepDurations(alice)).budgetsReset, 1n);
      const { project } = alice;
      assert.equal((await api.client.sweepDurations({ project })).budgetsReset, 1n);
      assert.equal((await api.client.sweepDurations({ project })).budgetsReset, 0n);
      assert.deepEqual(amounts((await api.client.listPeriods(alice)).periods), [YESTERDAY]);
      assert.deepEqual((await api.client.listPeriods(bob)).periods, []);
      assert.equal((await budgetIn(api.client.getBudget(alice))).spentNanoUsd, 0n);
    });

    test("by ten concurrent callers: the period is closed once, and every charge counts", async () => {
      const name = await endedBudget(api);
      await Promise.all([
        ...Array.from({ length: 10 }, () => charge(api, name, 1n)),
        api.client.sweepDurations(name),
        api.client.sweepDurations(name),
      ]);
      assert.deepEqual(amounts((await api.client.listPeriods(name)).periods), [YESTERDAY]);
      assert.equal((await budgetIn(api.client.getBudget(name))).spentNanoUsd, 10n);
    });
  });

  test("still knows the request ids of the old period: a replay charges neither period", async () => {
    const name = await endedBudget(api);
    const again = await charge(api, name, 4n, { model: "b", requestId: "yesterday" });
    assert.equal(again.replayed, true);
    assert.equal(again.budget?.spentNanoUsd, 7n);
    assert.equal((await budgetIn(api.client.getBudget(name))).spentNanoUsd, 0n);
  });

  test("records only the period with spending, after ten days without calls", async () => {
    const name = await endedBudget(api);
    await api.server.age(name, "10 days");
    await charge(api, name, 1n);
    assert.deepEqual(amounts((await api.client.listPeriods(name)).periods), [YESTERDAY]);
    const { periodStart, periodEnd, updateTime } = await budgetIn(api.client.getBudget(name));
    assert.equal(hour(periodEnd) - hour(periodStart), 24);
    assert.ok(periodStart && updateTime && periodStart.seconds <= updateTime.seconds);
  });
});

suiteForEach("SweepDurations", {}, (api) => {
  test("covers every project if the request names none", async () => {
    const names = [await endedBudget(api), await endedBudget(api)];
    await api.client.sweepDurations({});
    for (const name of names) {
      assert.equal((await api.client.sweepDurations({ project: name.project })).budgetsReset, 0n);
      assert.deepEqual(amounts((await api.client.listPeriods(name)).periods), [YESTERDAY]);
    }
  });

  test("is NOT_FOUND for a user without a budget", async () => {
    const name = api.newName();
    await assertRefused(api.client.sweepDurations(name), "NotFound", "BUDGET_NOT_FOUND", name);
  });
});

suiteForEach("ListPeriods", {}, (api) => {
  test("pages through closed periods, newest first, including the one that is not written yet", async () => {
    const name = { ...api.newName() };
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 100n, duration: Duration.DAILY });
    for (const cost of [1n, 2n, 3n, 4n, 5n]) {
      await charge(api, name, cost);
      await api.server.age(name, "1 day");
    }
    const pages: bigint[][] = [];
    let pageToken = "";
    do {
      const page = await api.client.listPeriods({ ...name, pageSize: 2, pageToken });
      pages.push(page.periods.map(({ spentNanoUsd }) => spentNanoUsd));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    assert.deepEqual(pages, [[5n, 4n], [3n, 2n], [1n]]);
  });

  test("is empty for a budget without a closed period, and NOT_FOUND for a missing budget", async () => {
    const name = api.newName();
    await assertRefused(api.client.listPeriods(name), "NotFound", "BUDGET_NOT_FOUND", name);
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 100n });
    assert.deepEqual((await api.client.listPeriods(name)).periods, []);
  });
});
