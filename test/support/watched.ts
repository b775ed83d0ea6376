import { mock } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { atInstant, type Budget } from "../../src/domain/budget.ts";
import { Failure } from "../../src/domain/errors.ts";
import { createFeed } from "../../src/engine/read/feed.ts";
import { watchBudget } from "../../src/engine/read/watch.ts";
import type { Store } from "../../src/store/store.ts";

export const NAME = { project: "p", user: "alice" };
export const POLL_MS = 2_000;

/** A watched budget under a clock that only the test advances. The reader serves `stored` as it is at that clock. */
export class Watched {
  readonly feed = createFeed(() => {});
  readonly stop = new AbortController();
  readonly services: Parameters<typeof watchBudget>[0];
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
    this.services = { store: store as unknown as Store, reader, feed: this.feed, watchPollMs: POLL_MS };
    const stream = watchBudget(this.services, NAME, isKnown, this.stop.signal);
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
