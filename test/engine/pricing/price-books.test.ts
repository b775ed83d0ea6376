import assert from "node:assert/strict";
import { beforeEach, describe, it, mock } from "node:test";
import { acceptPriceFile, type PriceFile } from "../../../src/domain/prices.ts";
import { createPriceBooks, DEFAULT_MODEL } from "../../../src/engine/pricing/price-books.ts";
import type { StoredPrice } from "../../../src/store/prices.ts";
import type { Store } from "../../../src/store/store.ts";

const REFRESH_MS = 1_000;
const MILLION = { inputTokens: 1_000_000 };

/** A price in US dollars for a million input tokens. */
const priceOf = (model: string, usd: number): StoredPrice => ({
  project: "p",
  model,
  rates: [{ dimension: "input", usd: String(usd), per: 1_000_000 }],
  updatedAtUs: 0n,
});

/** A price file in which each model costs so many US dollars for a million input tokens. */
function fileOf(usd: number): PriceFile {
  const entry = { input_cost_per_token: usd / 1e6, output_cost_per_token: 0, mode: "chat" };
  const models = Array.from({ length: 60 }, (_, n) => [`listed-${n}`, entry]);
  const verdict = acceptPriceFile(undefined, JSON.stringify(Object.fromEntries(models)));
  assert.ok(verdict.ok);
  return verdict.file;
}

/** Price books on a store that holds the prices of one project, and that can fail. */
class Books {
  prices: StoredPrice[] = [];
  isDown = false;
  reads = 0;
  readonly #store = {
    read: async () => {
      this.reads++;
      if (this.isDown) throw new Error("the store is down");
      return this.prices;
    },
  };
  readonly books = createPriceBooks({
    store: this.#store as unknown as Store,
    pricesMax: 10,
    refreshMs: REFRESH_MS,
  });

  /** What a million input tokens cost, in US dollars. */
  async usd(model: string, project = "p"): Promise<number> {
    const book = await this.books.of(project);
    return Number(book.priceUsage(model, MILLION).costNanoUsd) / 1e9;
  }
}

describe("the price books", () => {
  let nowMs = 0;
  beforeEach(() => mock.method(performance, "now", () => nowMs));

  it("read the prices of a project again after a read that failed", async () => {
    const world = new Books();
    world.prices = [priceOf("own", 3)];
    world.isDown = true;
    // Both callers share the read.
    const both = await Promise.allSettled([world.usd("own"), world.usd("own")]);
    assert.deepEqual(
      both.map(({ status }) => status),
      ["rejected", "rejected"],
    );
    assert.equal(world.reads, 1);
    world.isDown = false;
    assert.equal(await world.usd("own"), 3);
    assert.equal(world.reads, 2);
  });

  it("keep the book of a later read when an earlier one fails", async () => {
    const world = new Books();
    world.prices = [priceOf("own", 3)];
    world.isDown = true;
    const failed = world.books.of("p");
    world.books.forget("p");
    world.isDown = false;
    const later = world.books.of("p");
    await assert.rejects(failed, /the store is down/);
    assert.equal(await world.books.of("p"), await later);
    assert.equal(world.reads, 2);
  });

  it("read a project's prices again once their book is as old as `refreshMs`, or forgotten", async () => {
    const world = new Books();
    world.prices = [priceOf("own", 3)];
    assert.equal(await world.usd("own"), 3);
    world.prices = [priceOf("own", 4)];
    nowMs += REFRESH_MS - 1;
    assert.equal(await world.usd("own"), 3);
    nowMs += 1;
    assert.equal(await world.usd("own"), 4);
    world.prices = [priceOf("own", 5)];
    world.books.forget("other");
    assert.equal(await world.usd("own"), 4);
    world.books.forget("p");
    assert.equal(await world.usd("own"), 5);
  });

  it("look a model up in the project's prices, then in the price file, and then use the project's default", async () => {
    const world = new Books();
    world.prices = [priceOf("own", 3), priceOf("listed-1", 4), priceOf(DEFAULT_MODEL, 9)];
    world.books.useFile(fileOf(2));
    const found = ["own", "listed-1", "listed-2", "unknown-to-all"].map((model) => world.usd(model));
    assert.deepEqual(await Promise.all(found), [3, 4, 2, 9]);
    const book = await world.books.of("p");
    assert.equal(book.priceUsage(DEFAULT_MODEL, MILLION).matchedModel, "default");
  });

  it("use a new price file at once, for projects with prices of their own and without", async () => {
    for (const prices of [[], [priceOf("own", 3)]]) {
      const world = new Books();
      world.prices = prices;
      await assert.rejects(world.usd("listed-1"), { message: /listed-1/ });
      for (const usd of [2, 5]) {
        world.books.useFile(fileOf(usd));
        assert.equal(await world.usd("listed-1"), usd);
      }
    }
  });

  it("are one for all projects without prices of their own", async () => {
    const { books } = new Books();
    assert.equal(await books.of("p"), await books.of("q"));
  });
});
