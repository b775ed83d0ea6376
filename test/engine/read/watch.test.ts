import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { atInstant, type Budget } from "../../../src/domain/budget.ts";
import { Failure } from "../../../src/domain/errors.ts";
import { createFeed } from "../../../src/engine/read/feed.ts";
import { watchBudget } from "../../../src/engine/read/watch.ts";
import type { Store } from "../../../src/store/store.ts";
import { budgetOf } from "../../support/decisions.ts";

const NAME = { project: "p", user: "alice" };
const SPACING_MS = 100;
const POLL_MS = 2_000;
const SECOND_US = 1_000_000n;

/** A watched budget under a clock that only the test advances. The reader serves `stored` as it is at that clock. */
class Watched {
  readonly feed = createFeed(() => {});
  readonly stop = new AbortController();
  readonly seen: Budget[] = [];
  stored: Budget | undefined;
  nowUs = 20n;
  firstHoldEndUs: bigint | undefined;
  reads = 0;
  holdReads = 0;
  /** Undefined while the stream is open. */
  end: unknown;

  constructor(stored: Budget, isKnown: (budget: Budget) => boolean = () => false) {
    this.stored = stored;
    const reader = {
      current: async () => {
        this.reads++;
        if (this.stored === undefined) throw new Failure({ reason: "BUDGET_NOT_FOUND", ...NAME });
        return { budget: atInstant(this.stored, this.nowUs), modelCosts: new Map(), nowUs: this.nowUs };
      },
    };
    // The only statement of a watcher: it asks when the first hold of the budget expires.
    const store = {
      read: async () => {
        this.holdReads++;
        return { count: 1n, firstEndUs: this.firstHoldEndUs };
      },
    };
    const services = { store: store as unknown as Store, reader, feed: this.feed, watchPollMs: POLL_MS };
    const stream = watchBudget(services, NAME, isKnown, this.stop.signal);
    this.#collect(stream).then(
      () => (this.end = "ended"),
      (error: unknown) => (this.end = error),
    );
  }

  async #collect(stream: AsyncIterable<Budget>): Promise<void> {
    for await (const budget of stream) this.seen.push(budget);
  }

  get spent(): bigint[] {
    return this.seen.map((budget) => budget.spentNanoUsd);
  }

  /** A charge by an operation of this server, unless the feed is not told. */
  charge(costNanoUsd: bigint, tell: () => void = () => this.feed.changed([NAME])): void {
    const stored = this.stored as Budget;
    const spentNanoUsd = stored.spentNanoUsd + costNanoUsd;
    this.stored = { ...stored, spentNanoUsd, updatedAtUs: stored.updatedAtUs + 1n };
    tell();
  }

  /** Advances all clocks, and lets the watcher do what is due then. */
  async pass(ms: number): Promise<void> {
    this.nowUs += BigInt(ms) * 1_000n;
    await turn();
    mock.timers.tick(ms);
    await turn();
  }
}

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
});
