import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptPriceFile, createPriceBook, type PriceFile, priceLayers } from "../../src/domain/prices.ts";
import { sampleEntries, sampleText } from "./prices-sample.ts";

function accepted(text: string, old?: PriceFile): PriceFile {
  const verdict = acceptPriceFile(old, text);
  assert.ok(verdict.ok);
  return verdict.file;
}

function refused(text: string, old?: PriceFile): string {
  const verdict = acceptPriceFile(old, text);
  assert.ok(!verdict.ok);
  return verdict.why;
}

/** A file of this many models, numbered from `first`. */
const numbered = (count: number, first = 0): string =>
  JSON.stringify(
    Object.fromEntries(
      Array.from({ length: count }, (_, index) => [`model-${first + index}`, { input_cost_per_token: 1e-6 }]),
    ),
  );

test("a price file lists its models, without the entry that explains the format", () => {
  const file = accepted(sampleText());
  assert.equal(file.models.size, Object.keys(sampleEntries()).length - 1);
  assert.ok(!file.models.has("sample_spec"));
  assert.deepEqual(file.leftOut, []);
});

test("a text that is not a JSON object is refused", () => {
  assert.match(refused(""), /not JSON/);
  assert.match(refused(sampleText().slice(0, -100)), /not JSON/);
  assert.match(refused("[]"), /not a JSON object/);
  assert.match(refused("null"), /not a JSON object/);
});

test("fewer than 50 models are refused, and 50 are accepted", () => {
  assert.equal(refused(numbered(49)), "it has 49 models with a usable price, fewer than 50");
  assert.equal(accepted(numbered(50)).models.size, 50);
});

test("entries that are not objects do not count as models", () => {
  assert.match(
    refused(JSON.stringify(Object.fromEntries(Array.from({ length: 80 }, (_, n) => [n, "x"])))),
    /has 0 models with a usable price/,
  );
});

test("a file that loses more than half of the current models is refused, however many it adds", () => {
  const old = accepted(numbered(200));
  assert.equal(accepted(numbered(100), old).models.size, 100);
  assert.equal(refused(numbered(99), old), "it lacks 101 of the 200 priced models of the file in use");
  assert.equal(refused(numbered(500, 101), old), "it lacks 101 of the 200 priced models of the file in use");
  assert.equal(accepted(numbered(500, 100), old).models.size, 500);
});

/** The entries left out of the sample after this model is added to it. */
const leftOut = (entry: Record<string, unknown>): PriceFile["leftOut"] =>
  accepted(sampleText({ "bad-model": { mode: "chat", ...entry } })).leftOut;

test("a model with an invalid price is left out and reported; the others stay", () => {
  assert.deepEqual(leftOut({ input_cost_per_token: "cheap" }), [
    { model: "bad-model", why: 'input_cost_per_token is "cheap"' },
  ]);
  assert.equal(leftOut({ input_cost_per_token: -1e-6 }).length, 1);
  assert.equal(leftOut({ output_cost_per_token_above_200k_tokens: {} }).length, 1);
  assert.equal(leftOut({ tiered_pricing: [{ input_cost_per_token: 1 }] }).length, 1);
  assert.equal(leftOut({ input_cost_per_token: "3e-7" }).length, 0);
  assert.equal(leftOut({ input_cost_per_token: null }).length, 0);
});

test("a model without a price is known but unpriced, so the next layer is asked", () => {
  const file = accepted(
    sampleText({ "gpt-4o": { litellm_provider: "openai", mode: "chat", max_output_tokens: 16_384 } }),
  );
  const book = createPriceBook(priceLayers({ file }));
  assert.equal(book.priceUsage("gpt-4o", { inputTokens: 1 }).source, "genai-prices");
  assert.equal(book.maxOutputTokens("gpt-4o"), 16_384);
});

test("output pixels have a price, which is not added to a price of input pixels", () => {
  const entry = { mode: "image_generation", output_cost_per_pixel: 4e-8 };
  const { layer } = accepted(
    JSON.stringify({
      ...JSON.parse(numbered(50)),
      after: entry,
      both: { ...entry, input_cost_per_pixel: 3e-8, output_cost_per_pixel: 0 },
      words: { ...entry, mode: "chat", input_cost_per_token: 1e-6 },
    }),
  );
  const book = createPriceBook([layer]);
  assert.equal(book.priceUsage("after", { pixels: 1_000_000 }).costNanoUsd, 40_000_000n);
  assert.equal(book.priceUsage("both", { pixels: 1_000_000 }).costNanoUsd, 30_000_000n);
  assert.throws(() => book.priceUsage("words", { pixels: 1_000_000 }));
});

test("the file has the maximum output tokens of a model", () => {
  const book = createPriceBook(priceLayers({ file: accepted(sampleText()) }));
  assert.equal(book.maxOutputTokens("openai/gpt-4o-mini-2024-07-18"), 16_384);
  assert.equal(book.maxOutputTokens("groq/free-tier"), 8192);
  // max_tokens of an embedding model is its input limit.
  assert.equal(book.maxOutputTokens("text-embedding-3-small"), undefined);
  assert.equal(book.maxOutputTokens("omni-moderation-latest"), undefined);
  assert.equal(book.maxOutputTokens("nobody"), undefined);
});

test("a bill lists its multiplications, and which rate replaced a missing one", () => {
  const book = createPriceBook(priceLayers({ file: accepted(sampleText()) }));
  const usage = {
    inputTokens: 100,
    cacheWrite1hTokens: 30,
    outputTokens: 7,
    reasoningTokens: 5,
    searchQueries: 1,
  };
  assert.deepEqual(book.priceUsage("gpt-4o-mini", usage), {
    // 70 * 150 + 30 * 150 + 7 * 600 + 27,500,000
    costNanoUsd: 27_519_200n,
    matchedModel: "gpt-4o-mini",
    source: "file",
    lines: [
      { dimension: "input", quantity: 70, rateUsd: "0.15", per: "1000000 tokens", costUsd: "0.0000105" },
      {
        dimension: "cacheWrite1h",
        quantity: 30,
        rateUsd: "0.15",
        per: "1000000 tokens",
        costUsd: "0.0000045",
      },
      { dimension: "output", quantity: 2, rateUsd: "0.6", per: "1000000 tokens", costUsd: "0.0000012" },
      { dimension: "reasoning", quantity: 5, rateUsd: "0.6", per: "1000000 tokens", costUsd: "0.000003" },
      { dimension: "searchQueries", quantity: 1, rateUsd: "0.0275", per: "1 queries", costUsd: "0.0275" },
    ],
    assumed: [
      "cacheWrite1h: at the rate of input",
      "reasoning: at the rate of output",
      "searchQueries: at the rate of a medium search context",
    ],
  });
});

test("an amount without a rate or a replacement is reported as unpriced", () => {
  const book = createPriceBook(priceLayers({ file: accepted(sampleText()) }));
  assert.deepEqual(book.priceUsage("tts-1", { inputCharacters: 10, outputSeconds: 3 }).assumed, [
    "outputSeconds: no rate, not charged",
  ]);
});
