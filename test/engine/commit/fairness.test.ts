import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createEngine, type Engine } from "../../../src/engine/commit/engine.ts";
import type { Charge, Verdict } from "../../../src/engine/commit/operation.ts";
import type { Store } from "../../../src/store/store.ts";
import { chargeOf, createOf } from "../../support/decisions.ts";
import { ENGINE_LIMITS, type Inside, startInside } from "../../support/engine.ts";

const LOUD = 3_000;

/** An engine whose batches begin when the test says so. `batches` has one function for each that waits. */
function holdBatches(inside: Inside, limits: { quietBatchesMax: number }) {
  const batches: (() => void)[] = [];
  let arrived = Promise.withResolvers<void>();
  const transaction: Store["transaction"] = async (work, options) => {
    await new Promise<void>((resolve) => {
      batches.push(resolve);
      arrived.resolve();
      arrived = Promise.withResolvers();
    });
    return inside.store.transaction(work, options);
  };
  const engine = createEngine({
    store: { ...inside.store, transaction },
    ancestry: inside.ancestry,
    limits: { ...ENGINE_LIMITS, batchesInFlightMax: 1, ...limits },
    onChanged: () => {},
    onDefect: (error) => assert.fail(String(error)),
  });
  const untilWaiting = async (count: number): Promise<void> => {
    while (batches.length < count) await arrived.promise;
  };
  return { engine, batches, untilWaiting };
}

describe("while one project has thousands of operations in the queue", () => {
  let inside: Inside;
  let ids = 0;
  const chargeIn = (project: string): Charge => chargeOf(1n, { project, requestId: `charge-${++ids}` });
  const flood = (engine: Engine): Promise<Verdict[]> =>
    Promise.all(Array.from({ length: LOUD }, () => engine.submit(chargeIn("loud"))));

  before(async () => {
    inside = await startInside();
    for (const project of ["loud", "quiet"]) {
      const { ok } = await inside.engine.submit(createOf({ project }));
      assert.equal(ok, true);
    }
  });
  after(() => inside[Symbol.asyncDispose]());

  it("an operation of another one is in the next batch", async () => {
    const { engine, batches, untilWaiting } = holdBatches(inside, { quietBatchesMax: 0 });
    let committed = 0;
    const loud = Array.from({ length: LOUD }, () =>
      engine.submit(chargeIn("loud")).then((verdict) => {
        committed++;
        return verdict;
      }),
    );
    await untilWaiting(1);
    const quiet = engine.submit(chargeIn("quiet"));
    batches.shift()?.();
    await untilWaiting(1);
    assert.equal(committed, ENGINE_LIMITS.batchOperationsMax);
    batches.shift()?.();
    assert.equal((await quiet).ok, true);
    // The batch of the quiet operation was small.
    assert.ok(committed <= ENGINE_LIMITS.batchOperationsMax + 64, String(committed));
    const release = setInterval(() => batches.shift()?.(), 0);
    assert.ok((await Promise.all(loud)).every(({ ok }) => ok));
    clearInterval(release);
  });

  it("an operation of another one has a batch of its own, beside those of the first", async () => {
    const { engine, batches, untilWaiting } = holdBatches(inside, { quietBatchesMax: 1 });
    const loud = flood(engine);
    await untilWaiting(1);
    const quiet = engine.submit(chargeIn("quiet"));
    await untilWaiting(2);
    batches.pop()?.();
    assert.equal((await quiet).ok, true);
    assert.equal(batches.length, 1, "the first batch of the loud project still waits");
    const release = setInterval(() => batches.shift()?.(), 0);
    assert.ok((await loud).every(({ ok }) => ok));
    clearInterval(release);
  });
});
