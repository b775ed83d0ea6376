import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createEnding } from "../../../src/engine/commit/ending.ts";
import type { CommitContext, Committed } from "../../../src/engine/commit/transaction.ts";
import { budgetOf } from "../../support/decisions.ts";

const PAUSE_MS = 1_000;

const sliceOf = (expired: number): Committed => ({
  verdicts: [],
  expired,
  changed: Array.from({ length: expired }, (_, n) => budgetOf({ user: `user-${n}` })),
  repeats: false,
  hasExpired: true,
});

/** The ending of holds on a store whose transactions each wait for the test. */
function start() {
  const transactions: PromiseWithResolvers<Committed>[] = [];
  const told: number[] = [];
  const store = {
    transaction: () => {
      const next = Promise.withResolvers<Committed>();
      transactions.push(next);
      return next.promise;
    },
  };
  const context = { store, lockTimeoutMs: 1, busyKeys: () => new Set() } as unknown as CommitContext;
  const ending = createEnding(context, ({ changed }) => told.push(changed.length));
  const finish = async (expired: number): Promise<void> => {
    transactions.at(-1)?.resolve(sliceOf(expired));
    await turn();
  };
  return { ending, transactions, told, finish };
}

describe("expired holds", () => {
  it("are ended in slices until one finds none, and each slice is told of", async () => {
    const { ending, transactions, told, finish } = start();
    const ended = ending.now("p", undefined);
    for (const expired of [5, 3, 0]) {
      await turn();
      await finish(expired);
    }
    assert.equal(await ended, 8);
    assert.deepEqual([transactions.length, told], [3, [5, 3, 0]]);
  });

  it("are ended once for all callers that ask while an earlier call is running", async () => {
    const { ending, transactions, finish } = start();
    const first = ending.now("p", "alice");
    await turn();
    const later = [ending.now("p", "alice"), ending.now("p", "alice")];
    await turn();
    assert.equal(transactions.length, 1);
    await finish(0);
    assert.equal(await first, 0);
    // The holds of the later callers may have expired after the first call had looked.
    assert.equal(transactions.length, 2);
    await finish(2);
    await finish(0);
    assert.deepEqual(await Promise.all(later), [2, 2]);
    assert.equal(transactions.length, 3);
    void ending.now("p", "alice");
    await turn();
    assert.equal(transactions.length, 4, "a call after the others have ended");
  });

  it("of other budgets and projects are ended at the same time", async () => {
    const { ending, transactions } = start();
    for (const [project, user] of [
      ["p", "alice"],
      ["p", "bob"],
      ["p", undefined],
      ["q", "alice"],
    ] as const) {
      void ending.now(project, user);
    }
    await turn();
    assert.equal(transactions.length, 4);
  });

  it("are ended by a later call after one that failed", async () => {
    const { ending, transactions, finish } = start();
    const first = ending.now("p", undefined);
    await turn();
    const second = ending.now("p", undefined);
    await turn();
    transactions[0]?.reject(new Error("the store is down"));
    await assert.rejects(first, /the store is down/);
    await turn();
    await finish(0);
    assert.equal(await second, 0);
  });

  it("are waited for by a drain, and a failure does not fail it", async () => {
    const { ending, transactions } = start();
    const failed = ending.now("p", undefined).catch(() => "failed");
    await turn();
    let isDrained = false;
    const drained = ending.drain().then(() => (isDrained = true));
    await turn();
    assert.equal(isDrained, false);
    transactions[0]?.reject(new Error("the store is down"));
    await drained;
    assert.equal(await failed, "failed");
  });
});

describe("expired holds that are ended in the background", () => {
  beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
  afterEach(() => mock.timers.reset());

  it("are looked for at most once a second in each project", async () => {
    const { ending, transactions, finish } = start();
    for (let n = 0; n < 3; n++) ending.soon("p");
    await turn();
    assert.equal(transactions.length, 1);
    await finish(0);
    ending.soon("p");
    mock.timers.tick(PAUSE_MS - 1);
    ending.soon("p");
    await turn();
    assert.equal(transactions.length, 1);
    ending.soon("q");
    await turn();
    assert.equal(transactions.length, 2);
    mock.timers.tick(1);
    ending.soon("p");
    await turn();
    assert.equal(transactions.length, 3);
  });

  it("are looked for again a second after a failure, which nobody is told of", async () => {
    const { ending, transactions } = start();
    ending.soon("p");
    await turn();
    transactions[0]?.reject(new Error("the store is down"));
    await turn();
    ending.soon("p");
    await turn();
    assert.equal(transactions.length, 1);
    mock.timers.tick(PAUSE_MS);
    ending.soon("p");
    await turn();
    assert.equal(transactions.length, 2);
  });
});
