import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../../src/domain/errors.ts";
import {
  acceptPriceFile,
  checkProjectRates,
  createPriceBook,
  type ProjectPrices,
  type ProjectRate,
  priceLayers,
} from "../../src/domain/prices.ts";
import { sampleText } from "./prices-sample.ts";

const PROJECT: ProjectPrices = {
  models: [
    {
      model: "gpt-4o-mini",
      rates: [
        { dimension: "input", usd: "0.1", per: 1_000_000 },
        { dimension: "output", usd: "0.5", per: 1_000_000 },
        { dimension: "output", usd: "0.7", per: 1_000_000, aboveInputTokens: 1000 },
        { dimension: "input", usd: "0.2", per: 1_000_000, serviceTier: "priority" },
      ],
    },
    { model: "in-house", rates: [{ dimension: "requests", usd: "0.01", per: 1 }] },
    { model: "gift", rates: [{ dimension: "input", usd: "0", per: 1 }] },
  ],
  defaultRates: [
    { dimension: "input", usd: "1", per: 1_000_000 },
    { dimension: "output", usd: "2", per: 1_000_000 },
  ],
};
const verdict = acceptPriceFile(undefined, sampleText());
assert.ok(verdict.ok);
const book = createPriceBook(priceLayers({ project: PROJECT, file: verdict.file }));

function errorOf(action: () => unknown): Failure["error"] {
  try {
    action();
  } catch (error) {
    if (error instanceof Failure) return error.error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const pricedBy = (model: string) => {
  const { source, matchedModel, costNanoUsd } = book.priceUsage(model, {
    inputTokens: 10,
    outputTokens: 1,
  });
  return [source, matchedModel, costNanoUsd];
};

test("a project's own price comes first, then the file, then genai-prices, then the project's default", () => {
  assert.deepEqual(pricedBy("gpt-4o-mini"), ["project", "gpt-4o-mini", 1500n]);
  assert.deepEqual(pricedBy("gpt-5"), ["file", "gpt-5", 22_500n]);
  assert.deepEqual(pricedBy("gpt-4o"), ["genai-prices", "openai/gpt-4o", 35_000n]);
  assert.deepEqual(pricedBy("never-heard-of"), ["project", "default", 12_000n]);
});

test("a default price is marked as such", () => {
  assert.deepEqual(book.priceUsage("never-heard-of", { inputTokens: 1 }).assumed, [
    "model: no price is known for never-heard-of, so the project's default price is used",
  ]);
});

test("a project's price applies to exactly its name, in any letter case", () => {
  assert.equal(book.priceUsage(" GPT-4O-mini", { inputTokens: 1 }).source, "project");
  assert.equal(book.priceUsage("openai/gpt-4o-mini", { inputTokens: 1 }).source, "file");
});

const ownCost = (usage: Parameters<typeof book.priceUsage>[1]) =>
  book.priceUsage("gpt-4o-mini", usage).costNanoUsd;

test("a project's rates may depend on prompt length and service tier", () => {
  assert.equal(ownCost({ inputTokens: 1000, outputTokens: 10 }), 105_000n);
  assert.equal(ownCost({ inputTokens: 1001, outputTokens: 10 }), 107_100n);
  assert.equal(ownCost({ inputTokens: 10, serviceTier: "priority" }), 2000n);
});

test("a price of zero is valid, and a call counts as one request", () => {
  assert.equal(book.priceUsage("gift", { inputTokens: 1000 }).costNanoUsd, 0n);
  assert.equal(book.priceUsage("in-house", { inputTokens: 1000 }).costNanoUsd, 10_000_000n);
});

test("a model without a price is UNPRICED_MODEL, with the nearest names of all layers", () => {
  const withoutDefault = createPriceBook(
    priceLayers({ project: { models: PROJECT.models }, file: verdict.file }),
  );
  assert.deepEqual(
    errorOf(() => withoutDefault.priceUsage("in-hose", { inputTokens: 1 })),
    {
      reason: "UNPRICED_MODEL",
      model: "in-hose",
      nearest: ["in-house"],
    },
  );
  assert.equal(
    errorOf(() => withoutDefault.outputTokensAffordable("nobody-1", {}, 1n)).reason,
    "UNPRICED_MODEL",
  );
});

test("a model without a rate for any part of the usage is UNPRICED_MODEL, not free", () => {
  const error = errorOf(() => book.priceUsage("whisper-1", { inputTokens: 10, outputTokens: 10 }));
  assert.equal(error.reason, "UNPRICED_MODEL");
});

test("a cost of 2^63 nano-USD or more is refused", () => {
  const huge = { inputTokens: Number.MAX_SAFE_INTEGER };
  assert.equal(errorOf(() => createPriceBook().priceUsage("gpt-4", huge)).reason, "INVALID_FIELD");
});

test("the affordable output is what the remaining money buys after the prompt", () => {
  const affordable = (remaining: bigint, inputTokens = 1000) =>
    book.outputTokensAffordable("gpt-4o-mini", { inputTokens }, remaining);
  // The prompt costs 100,000; an output token costs 500.
  assert.equal(affordable(150_000n), 100);
  assert.equal(affordable(150_499n), 100);
  assert.equal(affordable(150_500n), 101);
  assert.equal(affordable(100_000n), 0);
  assert.equal(affordable(99_999n), 0);
  assert.equal(affordable(-1n), 0);
  // Above 1,000 prompt tokens an output token costs 700.
  assert.equal(affordable(170_100n, 1001), 100);
  assert.equal(book.outputTokensAffordable("gift", { inputTokens: 1 }, 0n), undefined);
  assert.equal(book.outputTokensAffordable("gpt-4o-mini", {}, 2n ** 63n - 1n), Number.MAX_SAFE_INTEGER);
});

/** The field that is refused in a list of rates, or undefined. */
function field(...rates: unknown[]): string | undefined {
  const error = checkProjectRates(rates as ProjectRate[], "rates");
  return error?.reason === "INVALID_FIELD" ? error.field : undefined;
}

test("rates set by callers are checked, and the error names the field", () => {
  const rate: ProjectRate = { dimension: "input", usd: "1.5", per: 1000 };
  assert.equal(field(rate, { ...rate, aboveInputTokens: 10 }, { ...rate, serviceTier: "flex" }), undefined);
  assert.equal(field(), "rates");
  assert.equal(field({ ...rate, dimension: "smiles" }), "rates[0].dimension");
  for (const usd of ["", "-1", "1,5", "NaN", "0x10", "9".repeat(41)]) {
    assert.equal(field(rate, { ...rate, dimension: "output", usd }), "rates[1].usd", usd);
  }
  assert.equal(field({ ...rate, usd: "1000" }), undefined);
  for (const usd of ["1000.000001", "1e300", "1e-400", "1e-16"]) {
    assert.equal(field(rate, { ...rate, dimension: "output", usd }), "rates[1].usd", usd);
  }
  for (const per of [0, -1, 1.5, Number.NaN, 1e13]) assert.equal(field({ ...rate, per }), "rates[0].per");
  assert.equal(field({ ...rate, serviceTier: "turbo" }), "rates[0].service_tier");
  assert.equal(field({ ...rate, aboveInputTokens: -1 }), "rates[0].above_input_tokens");
  assert.equal(field(rate, rate), "rates[1].dimension");
});

test("an error of a rate says what is wrong with it", () => {
  const rate: ProjectRate = { dimension: "input", usd: "1.5", per: 1000 };
  const described = (...rates: unknown[]): string | undefined => {
    const error = checkProjectRates(rates as ProjectRate[], "rates");
    return error?.reason === "INVALID_FIELD" ? error.description : undefined;
  };
  assert.equal(described(), "must have at least one rate");
  assert.equal(described({ ...rate, dimension: "smiles" }), "is not a dimension");
  for (const usd of ["1,5", "-1", "9".repeat(41)]) {
    assert.equal(described({ ...rate, usd }), "must be decimal text of at least 0, up to 40 characters");
  }
  assert.equal(described({ ...rate, per: 1e12 }), undefined);
  assert.equal(described({ ...rate, per: 1e12 + 1 }), "must be an integer from 1 to 1000000000000");
  assert.match(described({ ...rate, usd: "1001" }) ?? "", /^is above /);
  assert.equal(
    described({ ...rate, serviceTier: "turbo" }),
    "must be one of standard, flex, priority, batch",
  );
  assert.equal(described({ ...rate, aboveInputTokens: 0.5 }), "must be an integer from 0 to 2^53-1");
  assert.equal(described(rate, rate), "has a rate for this tier and length already");
});
