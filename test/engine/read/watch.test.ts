import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, it, mock, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Budget } from "../../../src/domain/budget.ts";
import { Failure } from "../../../src/domain/errors.ts";
import { createFeed } from "../../../src/engine/read/feed.ts";
import { watchBudget } from "../../../src/engine/read/watch.ts";
import type { Store } from "../../../src/store/store.ts";
import { budgetOf } from "../../support/decisions.ts";
import { NAME, POLL_MS, Watched } from "../../support/watched.ts";

const SPACING_MS = 100;
const SECOND_US = 1_000_000n;

const forever = (changes: Partial<Budget> = {}): Budget =>
  budgetOf({ period: undefined, periodEndUs: undefined, ...changes });

describe("a watcher of a budget", () => {
  beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
  afterEach(() => mock.timers.reset());

  /** A watcher that has the first answer and waits for a change. */
  const waiting = async (stored: Budget): Promise<Watched> => {
    const watched = new Watched(stored);
    await watched.pass(SPACING_MS);
    assert.equal(watched.seen.length, 1);
    return watched;
  };

  const tellings: [string, (watched: Watched) => void][] = [
    ["by a change on its own server", ({ feed }) => feed.changed([NAME])],
    ["by a payload that stands for all budgets", ({ feed }) => feed.received("*")],
    [
      "by a payload of another server",
      ({ feed }) => {
        using other = createFeed((payload) => feed.received(payload));
        other.changed([NAME]);
        mock.timers.tick(50);
      },
    ],
    [
      "by a payload of another server on which more than 800 budgets have changed",
      ({ feed }) => {
        using other = createFeed((payload) => feed.received(payload));
        other.changed(Array.from({ length: 900 }, (_, n) => ({ project: "p", user: `user-${n}` })));
        mock.timers.tick(50);
      },
    ],
  ];
  for (const [what, tell] of tellings) {
    it(`is woken ${what}, and does not wait for its next poll`, async () => {
      const watched = await waiting(forever());
      watched.charge(7n, () => tell(watched));
      await turn();
      assert.deepEqual(watched.spent, [0n, 7n]);
    });
  }

  it("reads nothing when another budget changes", async () => {
    const watched = await waiting(forever());
    const { reads } = watched;
    watched.charge(7n, () => watched.feed.changed([{ project: "p", user: "bob" }]));
    await turn();
    assert.deepEqual([watched.spent, watched.reads], [[0n], reads]);
  });

  it("polls every two seconds, since a notification can be lost", async () => {
    const watched = await waiting(forever());
    watched.charge(7n, () => {});
    // `waiting` has passed SPACING_MS since the last read.
    await watched.pass(POLL_MS - SPACING_MS - 1);
    assert.deepEqual(watched.spent, [0n]);
    await watched.pass(1);
    assert.deepEqual(watched.spent, [0n, 7n]);
  });

  it("answers nothing when a poll or a call finds no change", async () => {
    const watched = await waiting(forever({ spentNanoUsd: 3n }));
    watched.feed.changed([NAME]);
    for (let polls = 0; polls < 3; polls++) await watched.pass(POLL_MS);
    assert.deepEqual(watched.spent, [3n]);
  });

  it("is woken when the budget's period ends, even if nothing is written", async () => {
    const endUs = 20n + SECOND_US + 500n;
    const watched = await waiting(
      budgetOf({ spentNanoUsd: 9n, periodStartUs: -SECOND_US, periodEndUs: endUs }),
    );
    // It does not read before the end, which is half a millisecond away.
    await watched.pass(1_000 - SPACING_MS);
    assert.equal(watched.reads, 1);
    await watched.pass(1);
    assert.deepEqual(watched.spent, [9n, 0n]);
    assert.equal(watched.seen[0]?.updatedAtUs, watched.seen[1]?.updatedAtUs);
  });

  it("is woken when the first hold of the budget expires", async () => {
    const watched = new Watched(forever({ heldNanoUsd: 5n }));
    watched.firstHoldEndUs = 20n + SECOND_US;
    await watched.pass(SPACING_MS);
    // Reading the budget ends the hold; here the test does it.
    watched.stored = forever({ updatedAtUs: 11n });
    await watched.pass(890);
    assert.equal(watched.seen.length, 1);
    await watched.pass(20);
    assert.deepEqual(
      watched.seen.map((budget) => budget.heldNanoUsd),
      [5n, 0n],
    );
  });

  it("asks for the expiry of holds once for each change, and never when nothing is held", async () => {
    const watched = new Watched(forever({ heldNanoUsd: 5n }));
    await watched.pass(POLL_MS);
    await watched.pass(POLL_MS);
    assert.deepEqual([watched.reads, watched.holdReads], [3, 1]);
    watched.stored = forever({ updatedAtUs: 12n });
    watched.feed.changed([NAME]);
    await turn();
    assert.deepEqual([watched.reads, watched.holdReads], [4, 1]);
  });

  it("learns when a hold expires that was opened after its first answer", async () => {
    const watched = await waiting(forever());
    watched.firstHoldEndUs = watched.nowUs + SECOND_US;
    watched.stored = forever({ heldNanoUsd: 5n, updatedAtUs: 11n });
    watched.feed.changed([NAME]);
    await watched.pass(SPACING_MS);
    watched.stored = forever({ updatedAtUs: 12n });
    await watched.pass(920);
    assert.deepEqual(
      watched.seen.map((budget) => budget.heldNanoUsd),
      [0n, 5n, 0n],
    );
  });

  it("answers at most ten times a second, and its last answer is the last state", async () => {
    const watched = new Watched(forever());
    for (let ms = 1; ms < 1_000; ms++) {
      watched.charge(1n);
      await watched.pass(1);
    }
    assert.equal(watched.seen.length, 10);
    await watched.pass(SPACING_MS);
    assert.equal(watched.spent.at(-1), 999n);
  });

  it("answers less often when the server has more than a hundred watchers", async () => {
    const watched = await waiting(forever());
    for (let others = 1; others < 500; others++) watched.feed.watch(NAME, () => {});
    watched.charge(1n);
    await turn();
    watched.charge(1n);
    await watched.pass(499);
    assert.deepEqual(watched.spent, [0n, 1n]);
    await watched.pass(1);
    assert.deepEqual(watched.spent, [0n, 1n, 2n]);
  });

  it("skips a first answer that its caller has, and answers the next change", async () => {
    const watched = new Watched(forever(), (budget) => budget.updatedAtUs <= 11n);
    await turn();
    assert.deepEqual(watched.spent, []);
    // Only the first read is compared with the state that the caller has.
    watched.charge(7n);
    await turn();
    assert.deepEqual(watched.spent, [7n]);
  });

  it("ends at once when its signal is aborted while it reads, pauses after an answer, or waits for a change", async () => {
    for (const ms of [undefined, 0, SPACING_MS]) {
      const watched = new Watched(forever());
      if (ms !== undefined) await watched.pass(ms);
      assert.equal(watched.feed.watchers, 1);
      watched.stop.abort();
      await turn();
      assert.deepEqual([watched.end, watched.feed.watchers], ["ended", 0]);
    }
  });

  it("reads nothing when its signal was aborted before it began", async () => {
    const feed = createFeed(() => {});
    const reader = { current: () => assert.fail("it has read the budget") };
    const store = { read: () => assert.fail("it has read holds") } as unknown as Store;
    const stream = watchBudget(
      { store, reader, feed, watchPollMs: POLL_MS },
      NAME,
      () => false,
      AbortSignal.abort(),
    );
    assert.deepEqual(await Array.fromAsync(stream), []);
    assert.equal(feed.watchers, 0);
  });

  it("fails with BUDGET_NOT_FOUND when the budget is deleted, and is no longer counted", async () => {
    const watched = await waiting(forever());
    watched.stored = undefined;
    watched.feed.changed([NAME]);
    await turn();
    assert.ok(watched.end instanceof Failure);
    assert.equal(watched.end.error.reason, "BUDGET_NOT_FOUND");
    assert.equal(watched.feed.watchers, 0);
  });

  it("has one listener of its signal between answers, and none after its end", async () => {
    const watched = new Watched(forever());
    const listeners = (): number => getEventListeners(watched.stop.signal, "abort").length;
    for (let answers = 1; answers <= 3; answers++) {
      await watched.pass(SPACING_MS);
      assert.deepEqual([watched.seen.length, listeners()], [answers, 1]);
      watched.charge(1n);
    }
    watched.stop.abort();
    await turn();
    assert.deepEqual([watched.end, listeners()], ["ended", 0]);
  });
});

test("a watcher has one timer at a time however often it is woken, and none after its end", async (t) => {
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const turns = async (): Promise<void> => {
    for (let n = 0; n < 10; n++) await turn();
  };
  const before = timers();
  const watched = new Watched(forever(), () => true);
  t.after(() => watched.stop.abort());
  for (let reads = 1; reads <= 5; reads++) {
    await turns();
    assert.deepEqual([watched.reads, timers() - before], [reads, 1]);
    watched.feed.changed([NAME]);
  }
  watched.stop.abort();
  await turns();
  assert.deepEqual([watched.end, timers() - before], ["ended", 0]);
  // A caller that takes one answer and leaves.
  const { services, stop } = new Watched(forever(), () => true);
  stop.abort();
  for await (const _ of watchBudget(services, NAME, () => false, new AbortController().signal)) break;
  assert.equal(timers() - before, 0);
});
