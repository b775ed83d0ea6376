import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createEngine } from "../../../src/engine/commit/engine.ts";
import type { Operation } from "../../../src/engine/commit/operation.ts";
import { ENGINE_LIMITS, type Inside, startInside } from "../../support/engine.ts";

/** An engine that never learns the ancestors of these users, so that their batches restart endlessly. */
function engineWithoutAncestorsOf(inside: Inside, users: readonly string[], defects: unknown[]) {
  let refreshes = 0;
  const engine = createEngine({
    store: inside.store,
    ancestry: {
      of: (name) => (users.includes(name.user) ? [] : inside.ancestry.of(name)),
      refresh: (names) => {
        refreshes++;
        return inside.ancestry.refresh(names);
      },
    },
    limits: ENGINE_LIMITS,
    onChanged: () => {},
    onDefect: (error) => defects.push(error),
  });
  return { engine, refreshes: () => refreshes };
}

const create = (user: string, parent?: string): Operation => ({
  kind: "create",
  project: "p",
  user,
  totalNanoUsd: 100n,
  period: undefined,
  parent,
  modelLimits: [],
  fingerprint: "",
  actor: "test",
});
const charge = (user: string, requestId: string): Operation => ({
  kind: "charge",
  project: "p",
  user,
  requestId,
  fingerprint: "",
  source: "COST",
  model: "m",
  costNanoUsd: 1n,
  detail: undefined,
  reservationId: undefined,
});

describe("a batch that restarts again and again", () => {
  it("is halved until one operation is left, which fails with INTERNAL and is logged; the others succeed", async () => {
    await using inside = await startInside();
    const defects: unknown[] = [];
    const { engine, refreshes } = engineWithoutAncestorsOf(inside, ["cursed"], defects);
    for (const operation of [create("root"), create("good"), create("cursed", "root")]) {
      assert.equal((await inside.engine.submit(operation)).ok, true);
    }
    const users = ["good", "good", "cursed", "good", "good"];
    const verdicts = await Promise.all(users.map((user, n) => engine.submit(charge(user, `id-${n}`))));
    assert.deepEqual(
      verdicts.map((verdict) => (verdict.ok ? "ok" : verdict.error.reason)),
      ["ok", "ok", "INTERNAL", "ok", "ok"],
    );
    assert.equal(defects.length, 1);
    assert.ok(refreshes() < 100, `${refreshes()} restarts`);
    await engine.drain();
  });
});
