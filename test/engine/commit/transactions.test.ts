import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { sql } from "kysely";
import { createEngine, type Engine } from "../../../src/engine/commit/engine.ts";
import type { Operation, Verdict } from "../../../src/engine/commit/operation.ts";
import type { Store } from "../../../src/store/store.ts";
import { chargeOf, createOf, reasonOf, refundOf, reserveOf } from "../../support/decisions.ts";
import { ENGINE_LIMITS, type Inside, startInside } from "../../support/engine.ts";

const HOUR_US = 3_600_000_000n;

describe("the transactions of an operation", () => {
  let inside: Inside;
  let engine: Engine;
  let transactions = 0;
  /** The users of the budgets of which the watchers are told. */
  let changed: string[] = [];
  let project = "";
  let projects = 0;

  before(async () => {
    inside = await startInside();
    const store: Store = {
      ...inside.store,
      transaction: (work, options) => {
        transactions++;
        return inside.store.transaction(work, options);
      },
    };
    engine = createEngine({
      store,
      ancestry: inside.ancestry,
      limits: ENGINE_LIMITS,
      onChanged: (names) => changed.push(...names.map(({ user }) => user)),
      onDefect: (error) => assert.fail(error as Error),
    });
  });
  beforeEach(() => void (project = `project-${++projects}`));
  after(() => inside[Symbol.asyncDispose]());

  const submit = async (operation: Operation): Promise<Verdict & { ok: true }> => {
    const verdict = await engine.submit(operation);
    assert.ok(verdict.ok, `${reasonOf(verdict)}`);
    return verdict;
  };
  const create = (user: string, parent?: string) => submit(createOf({ project, user, parent }));
  const update = (user: string, change: (Operation & { kind: "update" })["change"]): Operation => ({
    kind: "update",
    actor: "test",
    project,
    user,
    change,
  });
  const hold = (user: string, requestId: string) =>
    submit(reserveOf(7n, { project, user, requestId, ttlUs: HOUR_US }));
  const expire = () =>
    sql`update reservations set expires_at = clock_timestamp() where project = ${project}`.execute(
      inside.kysely,
    );
  const states = async (): Promise<string[]> => {
    const { rows } = await sql<{ state: string }>`
      select state from reservations where project = ${project} order by reservation_id`.execute(
      inside.kysely,
    );
    return rows.map(({ state }) => state);
  };

  it("are one for a repeated creation, which needs no look at request ids", async () => {
    await create("alice");
    transactions = 0;
    assert.equal((await create("alice")).replayed, true);
    assert.equal(transactions, 1);
  });

  it("that ended expired holds first tell of all budgets on which these counted", async () => {
    await create("team");
    await create("alice", "team");
    await hold("alice", "hold");
    await expire();
    changed = [];
    await submit(update("alice", { modelLimits: [{ model: "m", limitNanoUsd: 9n }] }));
    assert.deepEqual([...new Set(changed)].toSorted(), ["alice", "team"]);
    assert.deepEqual(await states(), ["EXPIRED"]);
  });

  it("are followed by the end of expired holds on other budgets of the project", async () => {
    await create("alice");
    await create("bob");
    await hold("alice", "hold");
    await expire();
    await submit(chargeOf(1n, { project, user: "bob" }));
    await engine.drain();
    assert.deepEqual(await states(), ["EXPIRED"]);
  });

  it("read the levels below a budget before it moves or is deleted", async () => {
    for (let level = 1; level <= 7; level++) {
      await create(`level-${level}`, level === 1 ? undefined : `level-${level - 1}`);
    }
    await create("top");
    await create("above");
    await submit(update("level-1", { parent: "top" }));
    assert.equal(reasonOf(await engine.submit(update("top", { parent: "above" }))), "INVALID_FIELD");
    for (const user of ["top", "level-6"]) {
      assert.equal(
        reasonOf(await engine.submit({ kind: "delete", actor: "test", project, user })),
        "BUDGET_IN_USE",
      );
    }
    await submit({ kind: "delete", actor: "test", project, user: "level-7" });
    await submit({ kind: "delete", actor: "test", project, user: "level-6" });
    await submit(update("top", { parent: "above" }));
  });

  it("count in a new limit what its models have spent, and what open reservations hold for them", async () => {
    await create("alice");
    await hold("alice", "hold");
    await submit(chargeOf(5n, { project }));
    await submit(chargeOf(3n, { project, requestId: "other", model: "n" }));
    const { budget } = await submit(update("alice", { modelLimits: [{ model: "m", limitNanoUsd: 90n }] }));
    assert.deepEqual(budget.modelLimits, [
      { model: "m", limitNanoUsd: 90n, spentNanoUsd: 5n, heldNanoUsd: 7n },
    ]);
    assert.equal(
      reasonOf(await engine.submit({ kind: "delete", actor: "test", project, user: "alice" })),
      "BUDGET_IN_USE",
    );
  });

  it("know how much of a charge earlier refunds have left", async () => {
    await create("alice");
    for (const requestId of ["whole", "parts"]) await submit(chargeOf(5n, { project, requestId }));
    const whole = await submit(refundOf(undefined, { project, requestId: "r1", chargeId: "whole" }));
    assert.equal(whole.entry?.costNanoUsd, -5n);
    const part = await submit(refundOf(2n, { project, requestId: "r2", chargeId: "parts" }));
    assert.equal(part.budget.spentNanoUsd, 3n);
    const rest = await submit(refundOf(undefined, { project, requestId: "r3", chargeId: "parts" }));
    assert.deepEqual([rest.entry?.costNanoUsd, rest.budget.spentNanoUsd], [-3n, 0n]);
    const more = await engine.submit(refundOf(1n, { project, requestId: "r4", chargeId: "whole" }));
    assert.equal(reasonOf(more), "REFUND_EXCEEDS_CHARGE");
  });
});
