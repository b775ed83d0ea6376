import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createEngine, type Engine } from "../../../src/engine/commit/engine.ts";
import type { BudgetChange, Operation, Post, Update } from "../../../src/engine/commit/operation.ts";
import type { Store } from "../../../src/store/store.ts";
import { auditLog, storeThatLosesAnswer } from "../../support/audit.ts";
import { assertConserved } from "../../support/conservation.ts";
import { chargeOf, createOf, reasonOf, refundOf, reserveOf, resetOf } from "../../support/decisions.ts";
import { ENGINE_LIMITS, type Inside, passTime, startInside } from "../../support/engine.ts";

const ACTOR = "key:123";
const settings = (totalNanoUsd: string, rest: object = {}) => ({
  total_budget_nano_usd: totalNanoUsd,
  model_limits: [],
  ...rest,
});

describe("the audit log", () => {
  let inside: Inside;
  before(async () => {
    inside = await startInside();
  });
  after(() => inside[Symbol.asyncDispose]());

  let projects = 0;
  const newProject = () => {
    const project = `project-${++projects}`;
    const named = { project, user: "alice", actor: ACTOR };
    return {
      project,
      create: createOf({ ...named, totalNanoUsd: 10n }),
      update: (change: BudgetChange): Update => ({ kind: "update", ...named, change }),
      remove: { kind: "delete", ...named } satisfies Operation,
      reset: resetOf({ ...named, requestId: "reset" }),
      charge: chargeOf(7n, { project, requestId: "charge" }),
      refund: refundOf(3n, named),
    };
  };
  const submit = async (...operations: readonly Operation[]): Promise<(string | undefined)[]> => {
    const reasons = [];
    for (const operation of operations) reasons.push(reasonOf(await inside.engine.submit(operation)));
    return reasons;
  };
  /** What was done to whom, and the values before and after. */
  const logOf = async (project: string) =>
    (await auditLog(inside, project)).map(({ action, subject, before, after }) => [
      `${action} ${subject}`,
      before,
      after,
    ]);
  const engineOn = (store: Store): Engine =>
    createEngine({
      store,
      ancestry: inside.ancestry,
      limits: ENGINE_LIMITS,
      onChanged: () => {},
      onDefect: (error) => inside.defects.push(error),
    });

  it("says of each change who made it, and what was there before and after", async () => {
    const { project, create, update, remove, reset, charge, refund } = newProject();
    const period = { unit: "DAY", count: 2, anchorUs: 0n, timeZone: "UTC" } as const;
    const modelLimits = [{ model: "m", limitNanoUsd: 5n }];
    const team = createOf({ project, user: "team", actor: "local" });
    const reasons = await submit(
      team,
      create,
      update({ totalNanoUsd: 20n }),
      update({ period, parent: "team", modelLimits }),
      charge,
      refund,
      reset,
      remove,
    );
    assert.ok(reasons.every((reason) => reason === "ok"));
    const log = await auditLog(inside, project);
    const { entries, periods } = await ledgerOf(project);
    const reached = settings("20", {
      period: { unit: "PERIOD_UNIT_DAY", count: 2, anchor: "1970-01-01T00:00:00Z", time_zone: "UTC" },
      parent: "team",
      model_limits: [{ model: "m", limit_nano_usd: "5" }],
    });
    assert.deepEqual(await logOf(project), [
      ["CREATE_BUDGET team", undefined, settings("1000000000")],
      ["CREATE_BUDGET alice", undefined, settings("10")],
      ["UPDATE_BUDGET alice", settings("10"), settings("20")],
      ["UPDATE_BUDGET alice", settings("20"), reached],
      ["REFUND_COST alice", undefined, { charge_request_id: "charge", amount_nano_usd: "3" }],
      [
        "RESET_COST alice",
        { spent_nano_usd: "4", period_start: periods[0] },
        { spent_nano_usd: "0", period_start: periods[1] },
      ],
      ["DELETE_BUDGET alice", reached, undefined],
    ]);
    assert.deepEqual([...new Set(log.map(({ actor }) => actor))], ["local", ACTOR]);
    assert.ok(log.every((entry) => entry.project === project));
    // A reset and a refund have the instants of their entries in the ledger.
    assert.deepEqual([log[4]?.createdAtUs, log[5]?.createdAtUs], entries);
    await assertConserved(inside.kysely);
  });

  /** The instants of the correction and of the reset, and the starts of the periods around the reset. */
  async function ledgerOf(project: string) {
    const page = {
      project,
      user: "alice",
      startUs: undefined,
      endUs: undefined,
      before: undefined,
      limit: 10,
    };
    const { items } = await inside.reader.listCostEntries(page);
    const [reset, correction, charge] = items;
    const text = (us: bigint | undefined) =>
      Temporal.Instant.fromEpochNanoseconds((us ?? 0n) * 1000n).toString();
    return {
      entries: [correction?.createdAtUs, reset?.createdAtUs],
      periods: [text(charge?.periodStartUs), text(reset?.periodStartUs)],
    };
  }

  it("has nothing of spending, and nothing of periods that end by themselves", async () => {
    const { project, create, charge } = newProject();
    const hold = reserveOf(1n, { project, ttlUs: 3_600_000_000n });
    await submit(
      { ...create, period: { unit: "DAY", count: 1, anchorUs: undefined, timeZone: "UTC" } },
      charge,
    );
    await submit(hold, { kind: "extend", project, user: "alice", reservationId: "hold", ttlUs: 60_000_000n });
    await submit({ kind: "release", project, user: "alice", reservationId: "hold" });
    await submit({ ...hold, requestId: "expiring" });
    await passTime(inside.kysely, project, 48);
    assert.equal(await inside.engine.endExpired({ project }), 1);
    assert.deepEqual(await submit({ kind: "roll", project, user: "alice" }), ["ok"]);
    assert.equal((await logOf(project)).length, 1);
  });

  it("has nothing of a change that was refused, repeated, or changed nothing", async () => {
    const { project, create, update, remove, reset, charge, refund } = newProject();
    const below = createOf({ project, user: "below", parent: "alice", actor: ACTOR });
    await submit(create, below, charge, refund, reset);
    const log = await logOf(project);
    assert.equal(log.length, 4);
    assert.deepEqual(await submit(create, refund, reset, update({ totalNanoUsd: 10n, parent: undefined })), [
      "ok",
      "ok",
      "ok",
      "ok",
    ]);
    assert.deepEqual(
      await submit(
        { ...create, fingerprint: "other" },
        { ...create, user: "orphan", parent: "nobody" },
        { ...refund, requestId: "refund-2", amountNanoUsd: 5n },
        { ...reset, fingerprint: "other" },
        update({ parent: "alice" }),
        remove,
        { ...remove, user: "nobody" },
      ),
      [
        "BUDGET_EXISTS",
        "PARENT_NOT_FOUND",
        "REFUND_EXCEEDS_CHARGE",
        "REQUEST_ID_REUSED",
        "PARENT_CYCLE",
        "BUDGET_IN_USE",
        "BUDGET_NOT_FOUND",
      ],
    );
    assert.deepEqual(await logOf(project), log);
  });

  it("has each changing step of a post, and nothing of one that is out of date", async () => {
    const { project, create, update, reset, charge } = newProject();
    const row = { session: "s", user: "alice", isHandedOut: true, seenUs: 0n, memory: MEMORY };
    const post: Post = {
      kind: "post",
      project,
      user: "alice",
      steps: [create, charge, reset, update({ totalNanoUsd: 30n })],
      before: undefined,
      after: row,
      windowStartUs: undefined,
    };
    assert.deepEqual(await submit(post), ["ok"]);
    const actions = async () => (await logOf(project)).map(([action]) => action);
    assert.deepEqual(await actions(), ["CREATE_BUDGET alice", "RESET_COST alice", "UPDATE_BUDGET alice"]);
    assert.deepEqual(await submit({ ...post, steps: [update({ totalNanoUsd: 40n })] }), ["ok"]);
    assert.equal((await actions()).length, 3);
    await assertConserved(inside.kysely);
  });

  it("has the changes of one transaction in the order in which they were made", async () => {
    const { project } = newProject();
    const users = Array.from({ length: 12 }, (_, index) => `user-${index}`);
    await Promise.all(
      users.map((user, index) =>
        inside.engine.submit(createOf({ project, user, parent: index < 8 ? users[index - 1] : undefined })),
      ),
    );
    const log = await auditLog(inside, project);
    assert.deepEqual(
      log.map(({ subject }) => subject),
      users,
    );
    // Otherwise the order of the ids would not matter.
    assert.ok(new Set(log.map(({ createdAtUs }) => createdAtUs)).size < users.length);
  });

  it("has one entry of a change whose answer to COMMIT was lost", async () => {
    const { project, create, update, remove, reset, charge, refund } = newProject();
    for (const operation of [create, update({ totalNanoUsd: 20n }), reset, refund, remove]) {
      if (operation === refund) await submit(charge);
      const engine = engineOn(storeThatLosesAnswer(inside, async () => {}));
      // The deletion runs again, and does not find its budget.
      const expected = operation === remove ? "BUDGET_NOT_FOUND" : "ok";
      assert.equal(reasonOf(await engine.submit(operation)), expected);
      await assertConserved(inside.kysely);
    }
    assert.deepEqual(
      (await logOf(project)).map(([action]) => action),
      [
        "CREATE_BUDGET alice",
        "UPDATE_BUDGET alice",
        "RESET_COST alice",
        "REFUND_COST alice",
        "DELETE_BUDGET alice",
      ],
    );
  });

  it("has both changes of an update that runs again, and then overwrites one that came between", async () => {
    const { project, create, update } = newProject();
    await submit(create);
    const store = storeThatLosesAnswer(inside, () => submit(update({ totalNanoUsd: 30n })));
    await engineOn(store).submit(update({ totalNanoUsd: 20n }));
    assert.deepEqual((await logOf(project)).slice(1), [
      ["UPDATE_BUDGET alice", settings("10"), settings("20")],
      ["UPDATE_BUDGET alice", settings("20"), settings("30")],
      ["UPDATE_BUDGET alice", settings("30"), settings("20")],
    ]);
    await assertConserved(inside.kysely);
  });

  it("has nothing of a transaction that was rolled back, and a change without its entry is not made", async () => {
    const { project, create } = newProject();
    const store: Store = {
      ...inside.store,
      transaction: (work) =>
        inside.store.transaction(async (connection) => {
          await work(connection);
          throw new Error("rolled back");
        }),
    };
    assert.equal(reasonOf(await engineOn(store).submit(create)), "INTERNAL");
    // The log cannot store this actor: text of PostgreSQL has no zero byte.
    assert.deepEqual(await submit({ ...create, actor: "zero\0byte" }), ["INTERNAL"]);
    assert.deepEqual(await logOf(project), []);
    await assert.rejects(inside.reader.current({ project, user: "alice" }));
    assert.deepEqual(await submit(create), ["ok"]);
  });
});

const MEMORY = {
  costs: new Map(),
  costsBefore: new Map(),
  raisedUs: 1n,
  begunUs: undefined,
  beginnings: 0,
  lastUpdatedUs: undefined,
  totalNanoUsd: undefined,
  durationDays: undefined,
};
