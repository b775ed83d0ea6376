import assert from "node:assert/strict";
import { test } from "node:test";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type Budget, Duration, PeriodUnit } from "../../gen/es/budget/v1/budget_pb.ts";
import { budgetIn, charge, fieldsOf, suiteForEach } from "../support/api.ts";
import { assertRefused } from "../support/errors.ts";

const USD = 1_000_000_000n;

suiteForEach("CreateBudget", {}, (api) => {
  test("creates a budget with nothing spent, which GetBudget returns", async () => {
    const name = api.newName();
    const created = await budgetIn(api.client.createBudget({ ...name, totalBudgetNanoUsd: 10n * USD }));
    const { periodStart, createTime, updateTime, version, ...rest } = fieldsOf(created);
    assert.deepEqual(rest, {
      ...name,
      totalBudgetNanoUsd: 10n * USD,
      parent: "",
      modelLimits: [],
      spentNanoUsd: 0n,
      heldNanoUsd: 0n,
      remainingNanoUsd: 10n * USD,
    });
    assert.deepEqual(periodStart, createTime);
    assert.deepEqual(updateTime, createTime);
    assert.ok(version);
    assert.deepEqual(await budgetIn(api.client.getBudget(name)), created);
  });

  test("opens a first period of one unit, from now and in UTC, if a duration is given", async () => {
    const budget = await budgetIn(
      api.client.createBudget({ ...api.newName(), totalBudgetNanoUsd: 1n, duration: Duration.WEEKLY }),
    );
    assert.equal(budget.period?.unit, PeriodUnit.WEEK);
    assert.equal(budget.period.count, 1);
    assert.equal(budget.period.timeZone, "UTC");
    assert.deepEqual(budget.period.anchor, budget.createTime);
    assert.ok(budget.periodStart && budget.periodEnd);
    assert.equal(budget.periodEnd.seconds - budget.periodStart.seconds, 604_800n);
    assert.equal(budget.periodEnd.nanos, budget.periodStart.nanos);
  });

  test("returns the existing budget in its current state if the parameters are the same", async () => {
    const request = { ...api.newName(), totalBudgetNanoUsd: 5n, duration: Duration.MONTHLY };
    const created = await budgetIn(api.client.createBudget(request));
    await charge(api, request, 2n);
    const again = await budgetIn(api.client.createBudget(request));
    assert.deepEqual(again.createTime, created.createTime);
    assert.equal(again.spentNanoUsd, 2n);
  });

  test("refuses other parameters with ALREADY_EXISTS, and changes nothing", async () => {
    const name = api.newName();
    const created = await budgetIn(api.client.createBudget({ ...name, totalBudgetNanoUsd: 5n }));
    const others = [{ totalBudgetNanoUsd: 6n }, { totalBudgetNanoUsd: 5n, duration: Duration.DAILY }];
    for (const other of others) {
      await assertRefused(
        api.client.createBudget({ ...name, ...other }),
        "AlreadyExists",
        "BUDGET_EXISTS",
        name,
      );
    }
    assert.deepEqual(await budgetIn(api.client.getBudget(name)), created);
  });

  test("creates one budget for ten concurrent identical calls", async () => {
    const request = { ...api.newName(), totalBudgetNanoUsd: 5n, duration: Duration.DAILY };
    const budgets = await Promise.all(
      Array.from({ length: 10 }, () => budgetIn(api.client.createBudget(request))),
    );
    for (const budget of budgets) assert.deepEqual(budget, budgets[0]);
  });

  test("accepts every total from zero to the largest 64-bit integer", async () => {
    for (const totalBudgetNanoUsd of [0n, 2n ** 63n - 1n]) {
      const budget = await budgetIn(api.client.createBudget({ ...api.newName(), totalBudgetNanoUsd }));
      assert.equal(budget.totalBudgetNanoUsd, totalBudgetNanoUsd);
      assert.equal(budget.remainingNanoUsd, totalBudgetNanoUsd);
    }
  });

  test("accepts names of up to 256 bytes in any script", async () => {
    const { project } = api.newName();
    const users = ["u".repeat(256), "💰".repeat(64), `${"€".repeat(85)}u`, " ", "%_\\'\"--", "../..", "{}"];
    for (const user of users) {
      const name = { project, user };
      await api.client.createBudget({ ...name, totalBudgetNanoUsd: 1n });
      await charge(api, name, 1n);
      assert.equal((await budgetIn(api.client.getBudget(name))).user, user);
    }
  });

  test("compares names by their bytes: composed and decomposed letters name two users", async () => {
    const { project } = api.newName();
    const [composed, decomposed] = ["Zo\u00eb", "Zoe\u0308"] as const;
    await api.client.createBudget({ project, user: composed, totalBudgetNanoUsd: 1n });
    await assertRefused(api.client.getBudget({ project, user: decomposed }), "NotFound", "BUDGET_NOT_FOUND", {
      project,
      user: decomposed,
    });
  });
});

suiteForEach("GetBudget", {}, (api) => {
  test("does not find the budgets of another project", async () => {
    const name = api.newName();
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 1n });
    const elsewhere = { ...name, project: `${name.project}-2` };
    await assertRefused(api.client.getBudget(elsewhere), "NotFound", "BUDGET_NOT_FOUND", elsewhere);
  });
});

suiteForEach("UpdateBudget", {}, (api) => {
  test("changes the fields of its mask, and keeps the other fields and the spending", async () => {
    const name = api.newName();
    const created = await budgetIn(
      api.client.createBudget({ ...name, totalBudgetNanoUsd: 10n, duration: Duration.DAILY }),
    );
    await charge(api, name, 4n);
    const updated = await budgetIn(
      api.client.updateBudget({
        ...name,
        updateMask: { paths: ["total_budget_nano_usd"] },
        totalBudgetNanoUsd: 3n,
        period: { unit: PeriodUnit.YEAR, count: 9 },
      }),
    );
    assert.equal(updated.totalBudgetNanoUsd, 3n);
    assert.equal(updated.spentNanoUsd, 4n);
    assert.equal(updated.remainingNanoUsd, -1n);
    assert.deepEqual(updated.period, created.period);
    assert.deepEqual(await budgetIn(api.client.getBudget(name)), updated);
  });

  test("increases update_time with every change", async () => {
    const name = api.newName();
    let last = (await budgetIn(api.client.createBudget({ ...name, totalBudgetNanoUsd: 1n }))).updateTime;
    for (const totalBudgetNanoUsd of [2n, 2n, 3n]) {
      const { updateTime } = await budgetIn(
        api.client.updateBudget({
          ...name,
          totalBudgetNanoUsd,
          updateMask: { paths: ["total_budget_nano_usd"] },
        }),
      );
      assert.ok(last && updateTime);
      assert.ok(
        updateTime.seconds > last.seconds ||
          (updateTime.seconds === last.seconds && updateTime.nanos > last.nanos),
      );
      last = updateTime;
    }
  });
});

suiteForEach("DeleteBudget", {}, (api) => {
  test("deletes the budget, and frees its name for a new one", async () => {
    const name = api.newName();
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 10n });
    await charge(api, name, 4n);
    await api.client.deleteBudget(name);
    await assertRefused(api.client.getBudget(name), "NotFound", "BUDGET_NOT_FOUND", name);
    await assertRefused(api.client.deleteBudget(name), "NotFound", "BUDGET_NOT_FOUND", name);
    const again = await budgetIn(api.client.createBudget({ ...name, totalBudgetNanoUsd: 7n }));
    assert.equal(again.spentNanoUsd, 0n);
    assert.deepEqual((await api.client.getCurrentCost(name)).modelCosts, {});
  });
});

const usersOf = ({ budgets }: { budgets: readonly Budget[] }) => budgets.map(({ user }) => user);

suiteForEach("ListUsers", {}, (api) => {
  const create = (project: string, users: readonly string[]) =>
    Promise.all(users.map((user) => api.client.createBudget({ project, user, totalBudgetNanoUsd: 1n })));

  test("returns a project's budgets ordered by the UTF-8 bytes of user", async () => {
    const { project } = api.newName();
    await create(project, ["b", "B", "ä", "a", "\u{1f4b0}", "\uff5e", "a0"]);
    const answer = await api.client.listUsers({ project });
    // UTF-16, which JavaScript sorts by, would swap the last two.
    assert.deepEqual(usersOf(answer), ["B", "a", "a0", "b", "ä", "\uff5e", "\u{1f4b0}"]);
    assert.equal(answer.nextPageToken, "");
  });

  test("returns an empty list for a project without budgets", async () => {
    const answer = await api.client.listUsers({ project: api.newName().project });
    assert.deepEqual([answer.budgets, answer.nextPageToken], [[], ""]);
  });

  test("pages through the budgets without gaps or duplicates while others are created", async () => {
    const { project } = api.newName();
    const users = Array.from({ length: 25 }, (_, index) => `user-${String(index).padStart(2, "0")}`);
    await create(project, users);
    const seen: string[][] = [];
    let pageToken = "";
    do {
      const page = await api.client.listUsers({ project, pageSize: 10, pageToken });
      seen.push(usersOf(page));
      pageToken = page.nextPageToken;
      await create(project, ["a-latecomer"]);
    } while (pageToken !== "");
    assert.deepEqual(seen, [users.slice(0, 10), users.slice(10, 20), users.slice(20)]);
  });

  test("returns no page token if the last page is full", async () => {
    const { project } = api.newName();
    await create(project, ["a", "b"]);
    assert.equal((await api.client.listUsers({ project, pageSize: 2 })).nextPageToken, "");
  });

  test("filters by a prefix of user, which is taken literally", async () => {
    const { project } = api.newName();
    await create(project, ["team%a", "team%b", "teamXa", "team_a"]);
    assert.deepEqual(usersOf(await api.client.listUsers({ project, userPrefix: "team%" })), [
      "team%a",
      "team%b",
    ]);
    assert.deepEqual(usersOf(await api.client.listUsers({ project, userPrefix: "team_" })), ["team_a"]);
  });

  test("returns each budget in its current state, also if its period has just ended", async () => {
    const name = api.newName();
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 9n, duration: Duration.DAILY });
    await charge(api, name, 4n);
    await api.server.age(name, "25 hours");
    const { budgets } = await api.client.listUsers(name);
    assert.equal(budgets[0]?.spentNanoUsd, 0n);
    assert.ok(budgets[0].periodEnd && timestampDate(budgets[0].periodEnd) > new Date());
  });
});
