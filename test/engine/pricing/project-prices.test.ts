import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Failure } from "../../../src/domain/errors.ts";
import type { ProjectPrice } from "../../../src/domain/prices/project.ts";
import { createPageReads } from "../../../src/engine/page-reads.ts";
import { createPriceBooks, type PriceBooks } from "../../../src/engine/pricing/price-books.ts";
import { createProjectPriceList, type ProjectPriceList } from "../../../src/engine/pricing/project-prices.ts";
import { type Inside, startInside } from "../../support/engine.ts";

const PRICES_MAX = 3;
const MILLION = { inputTokens: 1_000_000 };

/** A price in US dollars for a million input tokens. */
const priceOf = (model: string, usd = 1): ProjectPrice => ({
  model,
  rates: [{ dimension: "input", usd: String(usd), per: 1_000_000 }],
});

describe("the prices of a project", () => {
  let inside: Inside;
  let books: PriceBooks;
  let prices: ProjectPriceList;
  before(async () => {
    inside = await startInside();
    const { store } = inside;
    // A book is never too old, so a change that does not drop it from the cache stays without effect.
    books = createPriceBooks({ store, pricesMax: PRICES_MAX, refreshMs: Number.POSITIVE_INFINITY });
    prices = createProjectPriceList({ store, books, pageReads: createPageReads(), pricesMax: PRICES_MAX });
  });
  after(() => inside[Symbol.asyncDispose]());

  const modelsOf = async (project: string, limit: number, after?: string) => {
    const page = await prices.list({ project, after, limit });
    return { models: page.prices.map(({ model }) => model), more: page.more };
  };
  /** What a million input tokens cost, in nano-USD. */
  const costOf = async (project: string, model: string): Promise<bigint> =>
    (await books.of(project)).priceUsage(model, MILLION).costNanoUsd;

  it("apply from the next call, also those that replace others, and no longer once they are deleted", async () => {
    await assert.rejects(costOf("applied", "own"), { message: /own/ });
    for (const usd of [3, 4]) {
      const stored = await prices.set("applied", priceOf("own", usd), "test");
      assert.deepEqual([stored.project, stored.model, stored.rates[0]?.usd], ["applied", "own", String(usd)]);
      assert.equal(await costOf("applied", "own"), BigInt(usd) * 1_000_000_000n);
    }
    await prices.remove("applied", "own", "test");
    await assert.rejects(costOf("applied", "own"), { message: /own/ });
  });

  it("are at most as many as allowed: a new one more is refused, and the others can still be changed", async () => {
    for (const model of ["a", "b", "c"]) await prices.set("full", priceOf(model), "test");
    await assert.rejects(prices.set("full", priceOf("d"), "test"), (thrown: unknown) => {
      assert.ok(thrown instanceof Failure);
      assert.deepEqual(thrown.error, { reason: "PRICES_FULL", project: "full", pricesMax: PRICES_MAX });
      return true;
    });
    assert.equal((await prices.set("full", priceOf("c", 9), "test")).rates[0]?.usd, "9");
    assert.deepEqual(await modelsOf("full", 10), { models: ["a", "b", "c"], more: false });
    await prices.remove("full", "a", "test");
    await prices.set("full", priceOf("d"), "test");
    assert.deepEqual(await modelsOf("full", 10), { models: ["b", "c", "d"], more: false });
  });

  it("cannot be deleted if they do not exist, and another project's do not count", async () => {
    await prices.set("theirs", priceOf("own"), "test");
    await assert.rejects(prices.remove("mine", "own", "test"), (thrown: unknown) => {
      assert.ok(thrown instanceof Failure);
      assert.deepEqual(thrown.error, { reason: "PRICE_NOT_FOUND", project: "mine", model: "own" });
      return true;
    });
    assert.deepEqual(await modelsOf("theirs", 10), { models: ["own"], more: false });
  });

  it("are listed by model, in pages that say whether there are more", async () => {
    for (const model of ["c", "a", "b"]) await prices.set("listed", priceOf(model), "test");
    assert.deepEqual(await modelsOf("listed", 2), { models: ["a", "b"], more: true });
    assert.deepEqual(await modelsOf("listed", 2, "a"), { models: ["b", "c"], more: false });
    assert.deepEqual(await modelsOf("listed", 3), { models: ["a", "b", "c"], more: false });
    assert.deepEqual(await modelsOf("unknown", 2), { models: [], more: false });
  });
});
