import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BudgetManager,
  BudgetNotFoundError,
  type PurserClient,
  PurserError,
} from "../../src/client/index.ts";
import { suiteForManagers } from "../support/managers.ts";

const DAY_MS = 86_400_000;
/** 5,700 nano-USD. */
const TEXTS = {
  model: "gpt-4o-mini",
  inputText: "hello world",
  outputText: "it is a sunny day in san francisco",
};
const COMPLETION = {
  object: "chat.completion",
  model: "gpt-4o-mini-2024-07-18",
  usage: { prompt_tokens: 1000, completion_tokens: 500 },
};

suiteForManagers("BudgetManager", (managers) => {
  test("creates a budget, and returns all its amounts in dollars", async () => {
    const budgets = managers.create();
    const record = await budgets.createBudget(10.1, "alice", "monthly");
    assert.ok(record.periodEnd);
    const { createdAt, periodEnd } = record;
    assert.deepEqual(record, {
      totalBudget: 10.1,
      currentCost: 0,
      remaining: 10.1,
      duration: "monthly",
      createdAt,
      lastUpdatedAt: createdAt,
      periodEnd,
    });
    const days = (periodEnd.getTime() - createdAt.getTime()) / DAY_MS;
    assert.ok(days >= 28 && days <= 31, String(days));
    assert.equal(await budgets.getTotalBudget("alice"), 10.1);
    assert.equal(await budgets.getCurrentCost("alice"), 0);
    assert.deepEqual(await budgets.getModelCost("alice"), {});
  });

  test("creates a budget without a period unless a duration is given", async () => {
    const budgets = managers.create();
    const record = await budgets.createBudget(0, "alice");
    assert.ok(!("duration" in record) && !("periodEnd" in record));
    await assert.rejects(budgets.resetOnDuration("alice"), /^RangeError: the budget of user "alice" has no/);
  });

  test("counts periods from createdAt", async () => {
    const budgets = managers.create();
    const createdAt = new Date(Date.now() - 2.5 * DAY_MS);
    const record = await budgets.createBudget(1, "alice", "daily", createdAt);
    assert.deepEqual(record.createdAt, createdAt);
    assert.deepEqual(record.lastUpdatedAt, new Date(createdAt.getTime() + 2 * DAY_MS));
    assert.deepEqual(record.periodEnd, new Date(createdAt.getTime() + 3 * DAY_MS));
  });

  test("replaces total and duration when a budget is created again, and keeps its spending and its period", async () => {
    const budgets = managers.create();
    const first = await budgets.createBudget(10, "alice", "weekly");
    await budgets.updateCost("alice", TEXTS);
    const spent = { currentCost: 0.0000057 };
    const again = await budgets.createBudget(10, "alice", "weekly");
    assert.deepEqual(again, { ...first, ...spent, remaining: 9.9999943 });
    const larger = await budgets.createBudget(20, "alice", "weekly");
    assert.deepEqual(larger, { ...again, totalBudget: 20, remaining: 19.9999943 });
    // The budget no longer has the parameters that it was first created with.
    assert.deepEqual(await budgets.createBudget(10, "alice", "weekly"), again);
    const yearly = await budgets.createBudget(10, "alice", "yearly");
    assert.equal(yearly.duration, "yearly");
    assert.equal(yearly.currentCost, 0.0000057);
    const createdAt = new Date(Date.UTC(2024, 0, 1));
    assert.deepEqual((await budgets.createBudget(10, "alice", "yearly", createdAt)).createdAt, createdAt);
    const endless = await budgets.createBudget(10, "alice");
    assert.equal(endless.periodEnd, undefined);
    assert.equal(endless.currentCost, 0.0000057);
  });

  test("refuses an invalid amount, duration or date, and the error names the parameter", async () => {
    const budgets = managers.create();
    const wrong: [call: () => Promise<unknown>, error: RegExp][] = [
      [() => budgets.createBudget(-1, "alice"), /^RangeError: totalBudget: must be an amount.*not -1$/],
      [() => budgets.createBudget(Number.NaN, "alice"), /^RangeError: totalBudget: .*not NaN$/],
      [() => budgets.createBudget(Infinity, "alice"), /^RangeError: totalBudget: .*not Infinity$/],
      [() => budgets.createBudget(1e10, "alice"), /^RangeError: totalBudget: .*not 10000000000$/],
      [() => budgets.createBudget("10" as never, "alice"), /^TypeError: totalBudget: must be a number/],
      [
        () => budgets.createBudget(1, "alice", "hourly" as never),
        /^RangeError: duration: must be one of daily, weekly, monthly, yearly, not "hourly"$/,
      ],
      [() => budgets.createBudget(1, "alice", "toString" as never), /^RangeError: duration/],
      [() => budgets.createBudget(1, "alice", "daily", new Date("x")), /^TypeError: createdAt: must be a/],
      [() => budgets.createBudget(1, "alice", "daily", 5 as never), /^TypeError: createdAt: must be a valid/],
      [() => budgets.createBudget(1, ""), /^PurserError: user: is required$/],
    ];
    for (const [call, error] of wrong) await assert.rejects(call, error);
    assert.deepEqual(await budgets.getUsers(), []);
  });

  test("charges a completion or texts, and returns the budget after the charge", async () => {
    const budgets = managers.create();
    const { createdAt, lastUpdatedAt } = await budgets.createBudget(0.0004, "alice");
    const first = await budgets.updateCost("alice", { completion: COMPLETION, requestId: "one" });
    const user = { totalBudget: 0.0004, currentCost: 0.00045, remaining: -0.00005, createdAt, lastUpdatedAt };
    assert.deepEqual(first, { user, cost: 0.00045, overBudget: true, requestId: "one" });
    const second = await budgets.updateCost("alice", TEXTS);
    assert.equal(second.cost, 0.0000057);
    assert.match(second.requestId, /^[0-9a-f-]{36}$/);
    assert.equal(await budgets.getCurrentCost("alice"), 0.0004557);
    assert.deepEqual(await budgets.getModelCost("alice"), {
      "gpt-4o-mini": 0.0000057,
      "gpt-4o-mini-2024-07-18": 0.00045,
    });
  });

  test("prefers texts to a completion, and uses the given model for a completion without one", async () => {
    const budgets = managers.create();
    await budgets.createBudget(1, "alice");
    const both = await budgets.updateCost("alice", { completion: COMPLETION, ...TEXTS });
    assert.equal(both.cost, 0.0000057);
    const { usage } = COMPLETION;
    const named = await budgets.updateCost("alice", { completion: { usage }, model: "gpt-4o" });
    assert.equal(named.cost, 0.0075);
    assert.deepEqual(Object.keys(await budgets.getModelCost("alice")).toSorted(), ["gpt-4o", "gpt-4o-mini"]);
  });

  test("refuses a charge that is incomplete or has no price, and charges nothing", async () => {
    const budgets = managers.create();
    await budgets.createBudget(1, "alice");
    for (const options of [{}, { ...TEXTS, outputText: "" }, { model: "gpt-4o" }]) {
      await assert.rejects(
        budgets.updateCost("alice", options),
        /^TypeError: updateCost: needs `completion`/,
      );
    }
    const cycle: { self?: object } = {};
    cycle.self = cycle;
    for (const completion of [cycle, { cost: 1n }, [COMPLETION], "text" as never]) {
      await assert.rejects(budgets.updateCost("alice", { completion }), /^TypeError: completion: /);
    }
    const unpriced = budgets.updateCost("alice", { ...TEXTS, model: "gpt-4o-minj" });
    await assert.rejects(unpriced, (error) => {
      assert.ok(error instanceof PurserError);
      assert.equal(error.reason, "UNPRICED_MODEL");
      assert.equal(error.metadata["nearest_1"], "gpt-4o-mini");
      return true;
    });
    assert.equal(await budgets.getCurrentCost("alice"), 0);
  });

  test("returns the current cost, and projects the cost of a prompt", async () => {
    const budgets = managers.create();
    await budgets.createBudget(1, "alice");
    await budgets.updateCost("alice", TEXTS);
    const messages = [{ role: "user", content: "Hey, how's it going?", name: undefined }];
    assert.equal(await budgets.projectedCost("gpt-4o-mini", messages, "alice"), 0.0000078);
    assert.equal(await budgets.getCurrentCost("alice"), 0.0000057);
  });

  test("resets what was spent, and keeps the closed period readable", async () => {
    const budgets = managers.create();
    await budgets.createBudget(1, "alice", "daily");
    await budgets.updateCost("alice", TEXTS);
    await budgets.resetOnDuration("alice");
    await budgets.updateBudgetAllUsers();
    assert.equal(await budgets.getCurrentCost("alice"), 0.0000057);
    const { user } = await budgets.resetCost("alice");
    assert.equal(user.currentCost, 0);
    assert.deepEqual(await budgets.getModelCost("alice"), {});
    const { periods } = await managers.client.listPeriods({ project: budgets.projectName, user: "alice" });
    assert.deepEqual(
      periods.map(({ spentNanoUsd }) => spentNanoUsd),
      [5700n],
    );
  });

  test("validates users, and lists all of them across pages", async () => {
    const { projectName } = managers.create();
    const { client } = managers;
    const inPagesOfTwo: PurserClient = {
      ...client,
      listUsers: (request) => client.listUsers({ ...request, pageSize: 2 }),
    };
    const budgets = new BudgetManager(projectName, { client: inPagesOfTwo });
    for (const user of ["zoe", "bob", "carol", "alice", "dave"]) await budgets.createBudget(1, user);
    assert.deepEqual(await budgets.getUsers(), ["alice", "bob", "carol", "dave", "zoe"]);
    assert.equal(await budgets.isValidUser("dave"), true);
    for (const user of ["mallory", "", "a\nb"]) assert.equal(await budgets.isValidUser(user), false);
  });

  test("reports NOT_FOUND from every method for a user without a budget", async () => {
    const budgets = managers.create();
    const calls: ((budgets: BudgetManager) => Promise<unknown>)[] = [
      (each) => each.projectedCost("gpt-4o", [{ role: "user", content: "?" }], "bob"),
      (each) => each.getTotalBudget("bob"),
      (each) => each.updateCost("bob", TEXTS),
      (each) => each.getCurrentCost("bob"),
      (each) => each.getModelCost("bob"),
      (each) => each.resetCost("bob"),
      (each) => each.resetOnDuration("bob"),
    ];
    for (const call of calls) {
      await assert.rejects(call(budgets), (error) => {
        assert.ok(error instanceof BudgetNotFoundError);
        assert.match(
          error.message,
          /^no budget for user "bob" in project "project-.*; createBudget creates one$/,
        );
        return true;
      });
    }
  });

  test("has a saveData that does nothing", async () => {
    assert.deepEqual(await managers.create().saveData(), { status: "success" });
  });
});
