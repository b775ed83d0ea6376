import assert from "node:assert/strict";
import { test } from "node:test";
import { Duration, PeriodUnit } from "../../gen/es/budget/v1/budget_pb.ts";
import { EntrySource } from "../../gen/es/budget/v1/cost_pb.ts";
import { charge, stateOf, suiteForEach } from "../support/api.ts";
import { LegacyClient, legacyPosts } from "../support/legacy.ts";

const DOLLAR = 1_000_000_000n;
/** Servers under test poll once a day, so a watcher that is not notified waits until its test is given up. */
const UNNOTIFIED_MS = 120_000;
const DAYS_28 = 28 * 86_400;

suiteForEach("LiteLLM's REST endpoints", { ways: ["gRPC"] }, (api) => {
  const posts = legacyPosts(() => api.server);
  const connect = (project: string) => new LegacyClient(posts, project).load();
  const costOf = async (name: { project: string; user: string }) =>
    (await api.client.getCurrentCost(name)).currentCostNanoUsd;

  test("create a budget for a user that the client has created, and record its spending", async () => {
    const name = api.newName();
    const client = await connect(name.project);
    client.create("alice", { total_budget: 10.5, duration: 7, created_at: 1.7e9, last_updated_at: 1.7e9 });
    await client.save();
    const { budget } = await api.client.getBudget(name);
    assert.equal(budget?.totalBudgetNanoUsd, 10_500_000_000n);
    assert.deepEqual(
      [budget?.period?.unit, budget?.period?.count, budget?.period?.timeZone],
      [PeriodUnit.DAY, 7, "UTC"],
    );
    assert.equal(budget?.period?.anchor?.seconds, 1_700_000_000n);
    assert.equal((Number(budget?.periodEnd?.seconds) - 1_700_000_000) % (7 * 86_400), 0);

    await client.spend("alice", 0.1).spend("alice", 0.2, "gpt-4o-mini").save();
    const current = await api.client.getCurrentCost(name);
    assert.equal(current.currentCostNanoUsd, 300_000_000n);
    assert.deepEqual(current.modelCosts, { "gpt-4o": 100_000_000n, "gpt-4o-mini": 200_000_000n });
    const { entries } = await api.client.listCostEntries(name);
    assert.deepEqual(
      entries.map(({ source, model }) => [source, model]),
      [
        [EntrySource.LEGACY, "gpt-4o-mini"],
        [EntrySource.LEGACY, "gpt-4o"],
      ],
    );
  });

  test("return every budget in its current state, in records that the client understands", async () => {
    const name = api.newName();
    const { budget } = await api.client.createBudget({
      ...name,
      totalBudgetNanoUsd: 10n * DOLLAR,
      duration: Duration.MONTHLY,
    });
    await charge(api, name, 5_700n, { model: "gpt-4o-mini" });
    await api.client.createBudget({ ...name, user: "7", totalBudgetNanoUsd: 0n });
    await api.client.createBudget({ ...name, user: "__proto__", totalBudgetNanoUsd: 2n ** 63n - 1n });
    const { text } = await posts.get(name.project);
    assert.match(text, /^\{"status":"success","data":\{"7":\{.*"__proto__":\{.*"alice":\{/);
    const { map } = await connect(name.project);
    const {
      created_at,
      last_updated_at,
      purser: _,
      ...alice
    } = map.alice as unknown as Record<string, number>;
    assert.deepEqual(alice, {
      total_budget: 10,
      duration: 28,
      current_cost: 0.0000057,
      model_cost: { "gpt-4o-mini": 0.0000057 },
    });
    assert.equal(Math.floor(created_at ?? 0), Number(budget?.createTime?.seconds));
    assert.equal(Math.floor(last_updated_at ?? 0), Number(budget?.periodEnd?.seconds) - DAYS_28);
    const {
      purser: _origin,
      created_at: _at,
      last_updated_at: _last,
      ...seven
    } = map["7"] as unknown as Record<string, unknown>;
    assert.deepEqual(seven, { total_budget: 0, current_cost: 0 });
  });

  test("change nothing when the client posts the records that it loaded", async () => {
    const name = api.newName();
    const { project } = name;
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 2n ** 63n - 1n, duration: Duration.YEARLY });
    await charge(api, name, 2n ** 62n + 12_345_678_901n);
    const decade = { unit: PeriodUnit.YEAR, count: 1000 };
    await api.client.createBudget({ project, user: "decade", totalBudgetNanoUsd: 3n, period: decade });
    const before = await stateOf(api, name);
    await (await connect(project)).save();
    assert.deepEqual(await stateOf(api, name), before);
  });

  test("add the concurrent spending of both kinds of clients", async () => {
    const name = api.newName();
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 10n * DOLLAR });
    await charge(api, name, DOLLAR);
    const [first, second] = await Promise.all([connect(name.project), connect(name.project)]);
    await first.spend("alice", 0.25).save();
    await charge(api, name, DOLLAR);
    await second.spend("alice", 0.5).save();
    await first.spend("alice", 0.25).save();
    assert.equal(await costOf(name), 3n * DOLLAR);
    assert.equal((await connect(name.project)).record("alice").current_cost, 3);
  });

  test("adopt a total and a duration that the client changes, and not one that it only repeats", async () => {
    const name = api.newName();
    const { project } = name;
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: DOLLAR, duration: Duration.DAILY });
    const client = await connect(project);
    const paths = { updateMask: { paths: ["total_budget_nano_usd"] } };
    await api.client.updateBudget({ ...name, ...paths, totalBudgetNanoUsd: 5n * DOLLAR });
    await client.spend("alice", 0.5).save();
    assert.equal((await api.client.getBudget(name)).budget?.totalBudgetNanoUsd, 5n * DOLLAR);

    Object.assign(client.record("alice"), { total_budget: 7, duration: 30 });
    await client.save();
    const { budget } = await api.client.getBudget(name);
    assert.deepEqual([budget?.totalBudgetNanoUsd, budget?.period?.count], [7n * DOLLAR, 30]);
    await api.client.updateBudget({ ...name, ...paths, totalBudgetNanoUsd: 8n * DOLLAR });
    delete client.record("alice").duration;
    await client.save();
    const after = (await api.client.getBudget(name)).budget;
    assert.deepEqual([after?.totalBudgetNanoUsd, after?.period], [8n * DOLLAR, undefined]);
    assert.equal(await costOf(name), DOLLAR / 2n);
  });

  test("never delete a user that is missing in the map, and never restore a deleted one", async () => {
    const name = api.newName();
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: DOLLAR });
    const client = await connect(name.project);
    const loaded = client.snapshot();
    await client.save({});
    assert.equal((await api.client.getBudget(name)).budget?.totalBudgetNanoUsd, DOLLAR);
    await api.client.deleteBudget(name);
    await client.save(loaded);
    await assert.rejects(api.client.getBudget(name), /no budget for user "alice"/);
    // Money that was spent is still recorded.
    await client.spend("alice", 0.5).save();
    const { budget } = await api.client.getBudget(name);
    assert.deepEqual([budget?.totalBudgetNanoUsd, budget?.spentNanoUsd], [DOLLAR, DOLLAR / 2n]);
  });

  test("count on ancestors, and notify their watchers", { timeout: UNNOTIFIED_MS }, async () => {
    const name = api.newName();
    const team = { project: name.project, user: "team" };
    await api.client.createBudget({ ...team, totalBudgetNanoUsd: DOLLAR });
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: DOLLAR, parent: "team" });
    const stop = new AbortController();
    const watch = api.client.watchBudget(team, { signal: stop.signal })[Symbol.asyncIterator]();
    await watch.next();
    const client = await connect(name.project);
    for (const spent of [1n, 2n, 3n]) {
      await client.spend("alice", 0.25).save();
      assert.equal((await watch.next()).value?.budget?.spentNanoUsd, (spent * DOLLAR) / 4n);
    }
    stop.abort();
  });

  test("record the excess of current_cost over the sum of the models without a model", async () => {
    const name = api.newName();
    const client = await connect(name.project);
    client.create("alice", { total_budget: 1, current_cost: 0.75, model_cost: { "gpt-4o": 0.5 } });
    await client.save();
    await client.save();
    const { modelCosts } = await api.client.getCurrentCost(name);
    assert.deepEqual(modelCosts, { "gpt-4o": DOLLAR / 2n, "(no model)": DOLLAR / 4n });
  });

  test("answer 200 with an error for a project without budgets, as the client expects", async () => {
    const { status, text } = await posts.get(api.newName().project);
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(text), { status: "error", message: "unknown project_name" });
  });

  test("accept only POST", async () => {
    for (const path of ["/get_budget", "/set_budget"]) {
      assert.equal((await fetch(`${api.server.httpUrl}${path}`)).status, 405);
    }
  });
});
