import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, afterEach, before, beforeEach, describe, it, mock } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type LocalPurser, openLocal } from "../../../src/client/open-local.ts";
import { makeDataFolder } from "../../support/embedded.ts";

const NAME = { project: "p", user: "alice" };
const SPACING_MS = 100;

describe("WatchBudget of a whole service", () => {
  let folder = "";
  let purser: LocalPurser;
  before(async () => {
    folder = await makeDataFolder();
    purser = await openLocal({ dataDir: folder });
    await purser.client.createBudget({ ...NAME, totalBudgetNanoUsd: 100n });
  });
  after(async () => {
    await purser[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  // The clock of the timers stands still, so no poll comes.
  beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
  afterEach(() => mock.timers.reset());

  it("answers an operation of the same service without a poll", async () => {
    const stop = new AbortController();
    const changes = purser.client.watchBudget(NAME, { signal: stop.signal })[Symbol.asyncIterator]();
    assert.equal((await changes.next()).value?.budget?.spentNanoUsd, 0n);
    const next = changes.next();
    await purser.client.updateCost({
      ...NAME,
      source: { case: "cost", value: { model: "m", costNanoUsd: 7n } },
    });
    // Ends the pause after the first answer, far before the first poll.
    await turn();
    mock.timers.tick(SPACING_MS);
    const answer = await Promise.race([next, turns(100_000)]);
    assert.equal(answer?.value?.budget?.spentNanoUsd, 7n);
    stop.abort();
    await assert.rejects(changes.next(), /aborted/);
  });
});

/** Resolves after many turns of the event loop, in which an answer that needs no timer would have come. */
async function turns(count: number): Promise<undefined> {
  for (let n = 0; n < count; n++) await turn();
}
