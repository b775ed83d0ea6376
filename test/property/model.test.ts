import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import * as fc from "fast-check";
import { assertConserved } from "../support/conservation.ts";
import { type Inside, startInside } from "../support/engine.ts";
import { perRun, SEED } from "../support/run.ts";
import { TreeModel } from "./model-tree.ts";
import { modelStep } from "./operations.ts";
import { beginning, day, type Step, step } from "./steps.ts";
import { modelState, World } from "./world.ts";

let projects = 0;

describe("random sequences of all operations", () => {
  const stack = new AsyncDisposableStack();
  let inside: Inside;
  before(async () => {
    inside = stack.use(await startInside({ batchesInFlightMax: 1 }));
  });
  after(() => stack.disposeAsync());

  const run = async (date: string, steps: readonly Step[]): Promise<void> => {
    const noonMs = Date.parse(`${date}T12:00Z`);
    const world = await new World(inside, `project-${++projects}`).begin(noonMs);
    const model = new TreeModel(noonMs);
    for (const each of steps) {
      const expected = modelStep(model, each);
      assert.deepEqual(await world.step(each), expected);
      assert.deepEqual(inside.defects, []);
      // No read here, because a read ends expired holds: after a jump in time, the next operation has to do that.
      if (each.kind === "pass") continue;
      assert.deepEqual(await world.state(), modelState(model));
    }
    await assertConserved(inside.kysely);
  };

  it("leave the service in the model's state after each operation, and conserve every sum", async () => {
    await fc.assert(
      fc.asyncProperty(
        day,
        beginning,
        fc.array(step, { minLength: 5, maxLength: 60, size: "max" }),
        (date, first, steps) => run(date, [...first, ...steps]),
      ),
      {
        endOnFailure: true,
        seed: SEED,
        numRuns: perRun(12, 4000),
        interruptAfterTimeLimit: perRun(120_000, 1_800_000),
      },
    );
  });
});
