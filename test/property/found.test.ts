import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { assertConserved } from "../support/conservation.ts";
import { type Inside, startInside } from "../support/engine.ts";
import type { Every } from "./model-period.ts";
import { TreeModel } from "./model-tree.ts";
import { modelStep } from "./operations.ts";
import type { Step } from "./steps.ts";
import { modelState, World } from "./world.ts";

const NOON_MS = Date.parse("2024-01-31T12:00Z");

type Batch = (Step & { kind: "batch" })["operations"];

const create = (
  user: string,
  { parent = undefined as string | undefined, period = undefined as Every | undefined } = {},
) => ({ kind: "create", definition: { user, total: 2000n, period, parent, limits: [] } }) satisfies Step;
const batch = (...operations: object[]): Step => ({
  kind: "batch",
  operations: operations as unknown as Batch,
});
const once = (kind: string, user: string, requestId: string, rest: object = {}) => ({
  kind,
  user,
  requestId,
  fingerprint: "f",
  model: "m",
  detail: undefined,
  actor: "test",
  ...rest,
});
const charge = (user: string, requestId: string) =>
  once("charge", user, requestId, { source: "COST", costNanoUsd: 1n, reservationId: undefined });
const reserve = (user: string, requestId: string, amountNanoUsd: bigint) =>
  once("reserve", user, requestId, { amountNanoUsd, ttlUs: 3_600_000_000n, onExpiry: "RELEASE" });

/** Sequences that once found a defect, or that a deliberate defect needs: short random runs missed it. */
describe("the model's state equals the service's", () => {
  const stack = new AsyncDisposableStack();
  let inside: Inside;
  before(async () => {
    inside = stack.use(await startInside());
  });
  after(() => stack.disposeAsync());

  const run = async (project: string, steps: readonly Step[]): Promise<void> => {
    const world = await new World(inside, project).begin(NOON_MS);
    const model = new TreeModel(NOON_MS);
    for (const step of steps) {
      const expected = modelStep(model, step);
      assert.deepEqual(await world.step(step), expected);
    }
    assert.deepEqual(inside.defects, []);
    assert.deepEqual(await world.state(), modelState(model));
    await assertConserved(inside.kysely);
  };

  it("when cached ancestors of one budget hide those of another", () =>
    run("stale", [
      create("root"),
      create("c"),
      create("d", { parent: "c" }),
      batch(charge("d", "1")),
      { kind: "delete", user: "d" },
      { kind: "update", user: "c", change: { parent: "root" } },
      batch(charge("d", "2"), charge("c", "3")),
    ]));

  it("when a period that has ended is reset", () =>
    run("reset", [
      create("a", { period: { unit: "DAY", count: 1 } }),
      batch(charge("a", "1")),
      { kind: "pass", hours: 25 },
      batch(once("reset", "a", "2")),
      batch(charge("a", "3")),
      { kind: "pass", hours: 25 },
      batch(charge("a", "4")),
    ]));

  it("when a budget is changed after its period has ended", () =>
    run("changed", [
      create("a", { period: { unit: "DAY", count: 1 } }),
      batch(charge("a", "1")),
      { kind: "pass", hours: 25 },
      { kind: "update", user: "a", change: { total: 1000n } },
    ]));

  it("when a limit is set for models that already have spending and holds", () =>
    run("limited", [
      create("a"),
      batch(charge("a", "1"), reserve("a", "2", 10n)),
      { kind: "update", user: "a", change: { limits: [{ model: "m*", limitNanoUsd: 20n }] } },
      batch(reserve("a", "3", 10n), reserve("a", "4", 9n)),
    ]));

  it("when reservations that have ended are released, extended and settled again", () => {
    const named = { user: "a", reservationId: "1" };
    const extend = { kind: "extend", ...named, ttlUs: 3_600_000_000n };
    const settle = (requestId: string) => ({ ...charge("a", requestId), reservationId: "1" });
    const release = { kind: "release", ...named };
    return run("ended", [
      create("a"),
      batch(reserve("a", "1", 10n), release, release, extend, settle("2")),
      batch(reserve("a", "1", 10n), release, extend, settle("3")),
    ]);
  });

  it("when a hold is extended and then expires, and expired holds are swept", () => {
    const period: Every = { unit: "DAY", count: 1 };
    const extend = { kind: "extend", user: "a", reservationId: "1", ttlUs: 86_400_000_000n };
    return run("swept", [
      create("a", { period }),
      create("b", { period }),
      batch(reserve("a", "1", 10n), extend),
      { kind: "pass", hours: 2 },
      batch(reserve("a", "2", 1991n), reserve("a", "3", 1990n)),
      { kind: "pass", hours: 23 },
      { kind: "sweep", user: undefined },
      { kind: "sweep", user: undefined },
    ]);
  });

  it("when a budget is created again after its parent was deleted", () =>
    run("again", [
      create("parent"),
      create("a", { parent: "parent" }),
      { kind: "update", user: "a", change: { parent: undefined } },
      { kind: "delete", user: "parent" },
      create("a", { parent: "parent" }),
    ]));

  it("when a budget with a child, or with a new limit, has holds that have just expired", () =>
    run("below", [
      create("parent"),
      create("child", { parent: "parent" }),
      batch(reserve("child", "1", 10n), reserve("parent", "2", 10n)),
      { kind: "pass", hours: 2 },
      { kind: "delete", user: "parent" },
      batch(reserve("child", "3", 10n)),
      { kind: "pass", hours: 2 },
      { kind: "update", user: "parent", change: { limits: [{ model: "m", limitNanoUsd: 20n }] } },
      batch(reserve("child", "4", 10n)),
      { kind: "pass", hours: 2 },
      { kind: "update", user: "child", change: { parent: undefined } },
    ]));

  it("when more holds expire at once than one transaction ends", () =>
    run("many", [
      create("a"),
      batch(...Array.from({ length: 1000 }, (_, index) => reserve("a", `first-${index}`, 1n))),
      batch(...Array.from({ length: 500 }, (_, index) => reserve("a", `second-${index}`, 2n))),
      { kind: "pass", hours: 2 },
      batch(reserve("a", "all", 2000n)),
    ]));

  it("when more expired holds are swept than one transaction ends", () =>
    run("many-swept", [
      create("a"),
      batch(...Array.from({ length: 1001 }, (_, index) => reserve("a", `${index}`, 1n))),
      { kind: "pass", hours: 2 },
      { kind: "sweep", user: "a" },
    ]));
});
