import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, suite, test } from "node:test";
import { Role } from "../../gen/es/budget/v1/key_pb.ts";
import { makeSecret } from "../../src/server/keys/secret.ts";
import { EVERY_WAY } from "../support/api.ts";
import { errorOf, levelsOf, told } from "../support/errors.ts";
import { clientsWith } from "../support/keys.ts";
import { makeStore, startTestServer, type TestServer, type TestStore } from "../support/server.ts";

const MAX = 2n ** 63n - 1n;
const TOTAL = 1000n;
const model = "a-model";
const amount = (value: bigint) => ({ case: "costNanoUsd", value }) as const;
const costOf = (costNanoUsd: bigint) => ({ case: "cost", value: { model, costNanoUsd } }) as const;

/** A key that is bound to a user says nothing about the budgets above that user's. */
suite("A key that is bound to a user", { concurrency: 4 }, () => {
  const operatorKey = makeSecret();
  let store: TestStore;
  let server: TestServer;
  before(async () => {
    store = await makeStore("PGlite");
    const settings = { PURSER_OPERATOR_KEY: operatorKey, SHUTDOWN_GRACE_MS: "100" };
    server = await startTestServer({ ...settings, ...store.environment });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  });

  /** A new project with the path top-secret > team-secret > alice > child, and clients of alice's key and the operator's. */
  const begin = async (totals: { team?: bigint; alice?: bigint } = {}) => {
    const project = `project-${randomUUID()}`;
    const operator = clientsWith(server, operatorKey);
    const create = (user: string, parent: string, totalBudgetNanoUsd: bigint) =>
      operator.budgets.createBudget({ project, user, parent, totalBudgetNanoUsd });
    await create("top-secret", "", MAX);
    await create("team-secret", "top-secret", totals.team ?? TOTAL);
    await create("alice", "team-secret", totals.alice ?? TOTAL);
    await create("child", "alice", TOTAL);
    const key = { project, name: "alice's", role: Role.SPENDER, user: "alice" };
    const { secret } = await operator.keys.createKey(key);
    return { project, operator: operator.budgets, secret, alice: clientsWith(server, secret).budgets };
  };
  const textOf = (value: unknown): string =>
    JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? `${each}` : each));
  const assertSilent = (value: unknown): void => assert.doesNotMatch(textOf(value), /secret/);

  for (const way of EVERY_WAY) {
    test(`reads no budget above it in any answer, over ${way}`, async () => {
      const { project, secret } = await begin();
      const { budgets: client } = clientsWith(server, secret, way);
      for (const user of ["alice", "child"]) {
        const name = { project, user };
        const full = await client.getBudget({ ...name, view: 2 });
        assert.deepEqual(
          full.levels.map((level) => level.user),
          user === "alice" ? ["alice"] : ["child", "alice"],
        );
        assert.equal(full.budget?.parent, user === "alice" ? "" : "alice");
        assertSilent(full);
        const held = await client.reserveCost({ ...name, model, amount: amount(1n), requestId: `r-${user}` });
        assert.deepEqual(held.reservation?.ancestors, user === "alice" ? [] : ["alice"]);
        const reservation = { project, reservationId: `r-${user}` };
        assertSilent([
          held,
          await client.getBudget(name),
          await client.reserveCost({ ...name, model, amount: amount(1n), requestId: `r-${user}` }),
          await client.extendReservation({ ...reservation, ttl: { seconds: 60n } }),
          await client.listReservations(name),
          await client.releaseReservation(reservation),
          await client.updateCost({ ...name, source: costOf(1n) }),
          await client.batchUpdateCost({ requests: [{ ...name, source: costOf(1n) }] }),
          await client.projectedCost({ ...name, model: "gpt-4o", text: "Hello" }),
          await client.getCurrentCost(name),
          await client.listCostEntries(name),
          await client.listPeriods(name),
        ]);
        const stop = new AbortController();
        for await (const answer of client.watchBudget(name, { signal: stop.signal })) {
          assert.equal(answer.budget?.user, user);
          assertSilent(answer);
          break;
        }
        stop.abort();
      }
    });
  }

  test("gets a refusal of a budget above in its own user's name, without amounts", async () => {
    const { project, alice } = await begin({ team: 5n });
    const error = await errorOf(
      alice.reserveCost({ project, user: "child", model, amount: amount(6n), requestId: "r" }),
    );
    const { reason, metadata } = told(error);
    assert.equal(reason, "BUDGET_EXCEEDED");
    assert.equal(metadata.user, "alice");
    assert.equal(metadata.remaining_nano_usd, "0");
    assert.deepEqual(levelsOf(error), [`budget:${project}/alice`, `budget:${project}/child`]);
    assertSilent([error.rawMessage, error.details]);
  });

  test("gets a refusal of its own user's budget in full", async () => {
    const { project, alice } = await begin({ alice: 5n });
    const error = await errorOf(
      alice.reserveCost({ project, user: "child", model, amount: amount(6n), requestId: "r" }),
    );
    assert.equal(told(error).metadata.remaining_nano_usd, "5");
    assert.deepEqual(levelsOf(error), [`budget:${project}/alice`, `budget:${project}/child`]);
    assertSilent([error.rawMessage, error.details]);
  });

  test("does not learn which limit for a model a budget above has", async () => {
    const { project, alice, operator } = await begin();
    await operator.updateBudget({
      project,
      user: "team-secret",
      modelLimits: [{ model: "a-m*", limitNanoUsd: 5n }],
      updateMask: { paths: ["model_limits"] },
    });
    const error = await errorOf(
      alice.reserveCost({ project, user: "alice", model, amount: amount(6n), requestId: "r" }),
    );
    assert.equal(told(error).metadata.user, "alice");
    assert.doesNotMatch(textOf([error.rawMessage, told(error)]), /secret|a-m\*/);
  });

  test("gets an overflow of a budget above in its own user's name", async () => {
    const { project, alice, operator } = await begin();
    await operator.updateCost({ project, user: "team-secret", source: costOf(MAX - 5n) });
    const request = { project, user: "child", source: costOf(6n) };
    const refused = await errorOf(alice.updateCost(request));
    assert.equal(told(refused).reason, "AMOUNT_OVERFLOW");
    assert.deepEqual(told(refused).metadata, { project, user: "alice" });
    assertSilent(refused.rawMessage);
    const { results } = await alice.batchUpdateCost({ requests: [request] });
    const outcome = results[0]?.outcome;
    assert.ok(outcome?.case === "status");
    assert.equal(outcome.value.message, refused.rawMessage);
  });

  test("sees no former ancestors of a budget that was moved below it", async () => {
    const { project, alice, operator } = await begin();
    await operator.createBudget({ project, user: "moved", parent: "top-secret", totalBudgetNanoUsd: TOTAL });
    const name = { project, user: "moved" };
    await operator.reserveCost({ ...name, model, amount: amount(1n), requestId: "r" });
    await operator.releaseReservation({ project, reservationId: "r" });
    await operator.updateBudget({ ...name, parent: "alice", updateMask: { paths: ["parent"] } });
    const { reservations } = await alice.listReservations(name);
    assert.deepEqual(
      reservations.map((each) => each.ancestors),
      [[]],
    );
    assertSilent(await alice.releaseReservation({ project, reservationId: "r" }));
  });

  test("sees no longer what was moved away from it, and its stream of that budget ends", async () => {
    const { project, alice, operator } = await begin();
    const name = { project, user: "child" };
    const stop = new AbortController();
    const stream = alice.watchBudget(name, { signal: stop.signal })[Symbol.asyncIterator]();
    assert.equal((await stream.next()).value?.budget?.parent, "alice");
    await operator.updateBudget({ ...name, parent: "team-secret", updateMask: { paths: ["parent"] } });
    const error = await errorOf(stream.next());
    assert.equal(told(error).reason, "BUDGET_NOT_FOUND");
    assert.deepEqual(told(error).metadata, name);
    assert.equal(told(await errorOf(alice.getBudget(name))).reason, "BUDGET_NOT_FOUND");
    stop.abort();
  });
});
