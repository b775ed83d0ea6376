import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { addPruned, NOTHING_PRUNED, type Pruned, pruneProject } from "../../../src/engine/upkeep/prune.ts";
import type { Store } from "../../../src/store/store.ts";

describe("the pause after a slice", () => {
  it("is as long as the slice, and ends at once when pruning is stopped", async () => {
    let nowMs = 1_000;
    mock.method(performance, "now", () => nowMs);
    const stopping = new AbortController();
    const store = {
      transaction: async () => {
        nowMs += 3_600_000;
        return { read: 1, deleted: 1, last: undefined };
      },
    } as unknown as Store;
    let slices = 0;
    const pruning = pruneProject(
      store,
      { project: "p", beforeUs: 0n, dryRun: false, signal: stopping.signal },
      () => slices++,
    );
    // Far more turns than four slices take that do not pause.
    for (let n = 0; n < 1_000; n++) await turn();
    assert.equal(slices, 1);
    stopping.abort();
    assert.deepEqual(await pruning, { ...NOTHING_PRUNED, reservations: 1 });
    mock.restoreAll();
  });
});

describe("the counts of several projects", () => {
  it("are added up for each table", () => {
    const one: Pruned = { reservations: 1, entries: 2, periods: 3, model_costs: 4, entriesKept: 5 };
    const other: Pruned = { reservations: 10, entries: 20, periods: 30, model_costs: 40, entriesKept: 50 };
    assert.deepEqual(addPruned(one, other), {
      reservations: 11,
      entries: 22,
      periods: 33,
      model_costs: 44,
      entriesKept: 55,
    });
    assert.deepEqual(addPruned(one, NOTHING_PRUNED), one);
  });
});
