import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { Duration } from "../../gen/es/budget/v1/budget_pb.ts";
import { charge, type Name, suiteForEach } from "../support/api.ts";
import { LegacyClient, legacyPosts } from "../support/legacy.ts";

const DOLLAR = 1_000_000_000n;
const CENT = DOLLAR / 100n;
const DAY_SECONDS = 86_400;

suiteForEach("Posts of LiteLLM's client", { ways: ["gRPC"] }, (api) => {
  const posts = legacyPosts(() => api.server);
  const spentOf = async (name: Name) => (await api.client.getCurrentCost(name)).currentCostNanoUsd;
  const periodsOf = async (name: Name) =>
    (await api.client.listPeriods(name)).periods.map((period) => period.spentNanoUsd);
  /** A budget with a charge from elsewhere, and a client that has loaded it. */
  const start = async (spentNanoUsd: bigint = 0n, duration: Duration = Duration.UNSPECIFIED) => {
    const name = api.newName();
    await api.client.createBudget({ ...name, totalBudgetNanoUsd: 100n * DOLLAR, duration });
    if (spentNanoUsd > 0n) await charge(api, name, spentNanoUsd, { model: "gpt-4o" });
    return { name, client: await new LegacyClient(posts, name.project).load() };
  };
  /** Moves the remembered posts back in time. */
  const passMinutes = async ({ project }: Name, minutes: number) => {
    const span = sql`make_interval(mins => ${minutes}::integer)`;
    await sql`update legacy_records set raised_at = raised_at - ${span}, begun_at = begun_at - ${span}
      where project = ${project}`.execute(api.server.database.kysely);
  };

  test("add nothing when they arrive twice or late", async () => {
    const { name, client } = await start(DOLLAR);
    const maps = [0.25, 0.5, 0.125].map((cost) => client.spend("alice", cost).snapshot());
    const [first, second, third] = maps;
    for (const map of [second, first, third, second, third, first]) await client.save(map);
    assert.equal(await spentOf(name), DOLLAR + 875_000_000n);
    assert.deepEqual(await periodsOf(name), []);
  });

  test("add nothing when they arrive concurrently", async () => {
    const { name, client } = await start();
    const maps = Array.from({ length: 30 }, () => client.spend("alice", 0.01).snapshot());
    await Promise.all([...maps, ...maps.toReversed()].map((map) => client.save(map)));
    assert.equal(await spentOf(name), 30n * CENT);
  });

  test("whose cost falls without a reset are not a refund", async () => {
    const { name, client } = await start(5n * DOLLAR);
    Object.assign(client.record("alice"), { current_cost: 3, model_cost: { "gpt-4o": 3 } });
    await client.save();
    assert.equal(await spentOf(name), 5n * DOLLAR);
  });

  test("reset a budget once when a record returns to zero, and add no spending from before the reset", async () => {
    const { name, client } = await start(DOLLAR);
    const early = client.spend("alice", 0.4).snapshot();
    const last = client.spend("alice", 0.35).snapshot();
    await client.save(last);
    const zero = client.reset("alice").snapshot();
    await client.save(zero);
    assert.equal(await spentOf(name), 0n);
    await charge(api, name, DOLLAR);
    for (const map of [zero, last, early, zero]) await client.save(map);
    assert.equal(await spentOf(name), DOLLAR);
    await client.spend("alice", 0.02).save();
    await client.save(zero);
    await client.save(last);
    assert.equal(await spentOf(name), DOLLAR + 2n * CENT);
    assert.deepEqual(await periodsOf(name), [1_750_000_000n]);
  });

  test("reset a budget again after earlier posts can no longer arrive", async () => {
    const { name, client } = await start(DOLLAR);
    await client.reset("alice").save();
    await client.spend("alice", 0.5).save();
    await passMinutes(name, 2);
    await client.reset("alice").save();
    assert.equal(await spentOf(name), 0n);
    assert.deepEqual(await periodsOf(name), [DOLLAR / 2n, DOLLAR]);
  });

  test("that arrive after a later post of a reset are recognized by the time of the reset", async () => {
    const { name, client } = await start(DOLLAR, Duration.DAILY);
    const before = client.spend("alice", 0.5).snapshot();
    await client.save();
    const record = client.reset("alice").record("alice");
    record.last_updated_at = (record.last_updated_at ?? 0) + DAY_SECONDS;
    const zero = client.snapshot();
    // reset_on_duration is saved by a thread, so its post may arrive after the next one.
    await client.spend("alice", 0.02).save();
    for (const map of [zero, before]) await client.save(map);
    assert.equal(await spentOf(name), 2n * CENT);
    await client.spend("alice", 0.5).save();
    assert.equal(await spentOf(name), 52n * CENT);
    assert.deepEqual(await periodsOf(name), [1_500_000_000n]);
  });

  test("do not repeat a reset of Purser or of another process", async () => {
    const { name, client } = await start(DOLLAR, Duration.DAILY);
    const other = await new LegacyClient(posts, name.project).load();
    const resetOnDuration = (each: LegacyClient) => {
      const record = each.reset("alice").record("alice");
      record.last_updated_at = Date.now() / 1000;
      return each.save();
    };
    await client.spend("alice", 0.5).save();
    await api.client.resetCost(name);
    await charge(api, name, DOLLAR);
    await resetOnDuration(client);
    assert.equal(await spentOf(name), DOLLAR);
    await client.spend("alice", 0.25).save();
    await resetOnDuration(other);
    assert.equal(await spentOf(name), DOLLAR + 25n * CENT);
    // A client that itself resets the record does reset the budget.
    await other.spend("alice", 0.25).save();
    await other.reset("alice").save();
    assert.equal(await spentOf(name), DOLLAR + 50n * CENT);
  });

  test("lose no spending of a client that has reset a record and saves it only later", async () => {
    const { name, client } = await start(DOLLAR);
    await client.spend("alice", 0.5).save();
    await client.reset("alice").spend("alice", 0.01).save();
    assert.equal(await spentOf(name), 150n * CENT);
    await passMinutes(name, 2);
    await client.spend("alice", 0.02).save();
    assert.equal(await spentOf(name), 153n * CENT);
    assert.deepEqual(await periodsOf(name), []);
  });

  test("charge spending of the previous period in the current one", async () => {
    const { name, client } = await start(DOLLAR, Duration.DAILY);
    client.spend("alice", 0.5);
    await api.server.age(name, "25 hours");
    await client.save();
    assert.equal(await spentOf(name), DOLLAR / 2n);
    await client.spend("alice", 0.25).save();
    assert.equal(await spentOf(name), 75n * CENT);
  });

  test("add up for users that two processes have both created", async () => {
    const name = api.newName();
    const created = (at: number) => ({ total_budget: 10, duration: 1, created_at: at, last_updated_at: at });
    const [first, second] = [1.7e9 + 0.25, 1.7e9 + 0.5].map((at) =>
      new LegacyClient(posts, name.project).create("alice", created(at)),
    ) as [LegacyClient, LegacyClient];
    const empty = first.snapshot();
    await first.spend("alice", 0.01).save();
    await second.save();
    await second.spend("alice", 0.02).save();
    await first.save(empty);
    await first.spend("alice", 0.01).save();
    assert.equal(await spentOf(name), 4n * CENT);
    // A client that creates a user again after it has loaded that user starts a new record, and resets nothing.
    const third = await new LegacyClient(posts, name.project).load();
    await third.create("alice", { ...created(1.8e9), total_budget: 20 }).save();
    await third.spend("alice", 0.03).save();
    const { budget } = await api.client.getBudget(name);
    assert.deepEqual([budget?.totalBudgetNanoUsd, budget?.spentNanoUsd], [20n * DOLLAR, 7n * CENT]);
  });
});
