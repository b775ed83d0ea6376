import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toDecimalText } from "../../src/domain/decimal.ts";
import { BadEntry, entryRates } from "../../src/domain/prices/litellm-entry.ts";
import type { SteppedRate } from "../../src/domain/prices/rates.ts";

/** The rates of an entry as text, such as `input: 2 per 1000000, above 100: 3 per 1000000`, by tier and dimension. */
function read(entry: Record<string, unknown>): unknown {
  const rates = entryRates(entry);
  if (rates === undefined) return undefined;
  const text = ({ base, steps = [] }: SteppedRate): string =>
    [
      ...(base === undefined ? [] : [`${toDecimalText(base.usd)} per ${base.per}`]),
      ...steps.map(({ above, rate }) => `above ${above}: ${toDecimalText(rate.usd)} per ${rate.per}`),
    ].join(", ");
  const { standard, flex, priority, batch, notes = {} } = rates;
  const tiers = Object.entries({ "": standard, "flex ": flex, "priority ": priority, "batch ": batch });
  return Object.fromEntries([
    ...tiers.flatMap(([tier, table]) =>
      Object.entries(table ?? {}).map(([dimension, rate]) => [`${tier}${dimension}`, text(rate)]),
    ),
    ...Object.entries(notes).map(([dimension, note]) => [`note of ${dimension}`, note]),
  ]);
}

const refusal = (entry: Record<string, unknown>): string => {
  try {
    entryRates(entry);
  } catch (error) {
    assert.ok(error instanceof BadEntry);
    return error.message;
  }
  return "accepted";
};

/** The fields of a price file. Rates of tokens are kept per million. */
const FIELDS: readonly (readonly [field: string, dimension: string, isToken: boolean])[] = [
  ["input_cost_per_token", "input", true],
  ["output_cost_per_token", "output", true],
  ["cache_read_input_token_cost", "cacheRead", true],
  ["input_cost_per_token_cache_hit", "cacheRead", true],
  ["cache_read_input_audio_token_cost", "cacheReadAudio", true],
  ["cache_read_input_image_token_cost", "cacheReadImage", true],
  ["cache_creation_input_token_cost", "cacheWrite", true],
  ["cache_creation_input_token_cost_above_1hr", "cacheWrite1h", true],
  ["output_cost_per_reasoning_token", "reasoning", true],
  ["input_cost_per_audio_token", "inputAudio", true],
  ["output_cost_per_audio_token", "outputAudio", true],
  ["input_cost_per_image_token", "inputImage", true],
  ["output_cost_per_image_token", "outputImage", true],
  ["input_cost_per_character", "inputCharacters", false],
  ["output_cost_per_character", "outputCharacters", false],
  ["input_cost_per_second", "inputSeconds", false],
  ["input_cost_per_audio_per_second", "inputSeconds", false],
  ["input_cost_per_video_per_second", "inputSeconds", false],
  ["output_cost_per_second", "outputSeconds", false],
  ["output_cost_per_video_per_second", "outputSeconds", false],
  ["output_cost_per_image", "images", false],
  ["ocr_cost_per_page", "pages", false],
  ["input_cost_per_request", "requests", false],
  ["input_cost_per_query", "requests", false],
];

describe("a field of a price file", () => {
  for (const [field, dimension, isToken] of FIELDS) {
    it(`${field} prices ${dimension}`, () => {
      assert.deepEqual(read({ [field]: 0.25 }), {
        [dimension]: isToken ? "250000 per 1000000" : "0.25 per 1",
      });
      assert.equal(read({ [`${field}_of_something`]: 0.25, [`x${field}`]: 1 }), undefined);
    });
  }

  it("may name a service tier and a length, in either order", () => {
    const name = "input_cost_per_token";
    assert.deepEqual(
      read({
        [name]: 1e-6,
        [`${name}_flex`]: 2e-6,
        [`${name}_priority`]: 3e-6,
        [`${name}_batches`]: 4e-6,
        [`${name}_above_200k_tokens`]: 5e-6,
        [`${name}_above_500_tokens`]: 6e-6,
        [`${name}_priority_above_200k_tokens`]: 7e-6,
        [`${name}_above_300k_tokens_flex`]: 8e-6,
        [`${name}_turbo`]: 9e-6,
      }),
      {
        input: "1 per 1000000, above 500: 6 per 1000000, above 200000: 5 per 1000000",
        "flex input": "2 per 1000000, above 300000: 8 per 1000000",
        "priority input": "3 per 1000000, above 200000: 7 per 1000000",
        "batch input": "4 per 1000000",
      },
    );
  });

  it("with a threshold begins to count a token earlier for xAI alone", () => {
    const entry = { input_cost_per_token: 1e-6, input_cost_per_token_above_128k_tokens: 2e-6 };
    assert.deepEqual(read({ ...entry, litellm_provider: "xai" }), {
      input: "1 per 1000000, above 127999: 2 per 1000000",
    });
    assert.deepEqual(read({ ...entry, litellm_provider: "openai" }), {
      input: "1 per 1000000, above 128000: 2 per 1000000",
    });
  });

  it("that comes first in the table counts if two price the same, whatever their order in the file", () => {
    assert.deepEqual(read({ input_cost_per_token_cache_hit: 1e-6, cache_read_input_token_cost: 2e-6 }), {
      cacheRead: "2 per 1000000",
    });
    assert.deepEqual(read({ cache_read_input_token_cost: null, input_cost_per_token_cache_hit: 1e-6 }), {
      cacheRead: "1 per 1000000",
    });
  });

  it("of the input of a model that makes images prices the generated image", () => {
    const entry = { input_cost_per_image: 0.04, input_cost_per_pixel: 2e-8 };
    for (const mode of ["image_generation", "image_edit"]) {
      assert.deepEqual(read({ mode, ...entry }), { images: "0.04 per 1", pixels: "0.00000002 per 1" });
      assert.deepEqual(read({ mode, output_cost_per_pixel: 3e-8 }), { pixels: "0.00000003 per 1" });
    }
    assert.equal(read({ mode: "chat", ...entry }), undefined);
  });

  it("may be text, and is refused if it is no price", () => {
    assert.deepEqual(read({ input_cost_per_token: "1e-6" }), { input: "1 per 1000000" });
    for (const [value, shown] of [
      [-1, "-1"],
      ["free", '"free"'],
      [Number.NaN, "NaN"],
      [{}, "an object"],
      [true, "true"],
      ["1".repeat(41), `"${"1".repeat(40)}..."`],
    ] as const) {
      assert.equal(refusal({ input_cost_per_token: value }), `input_cost_per_token is ${shown}`);
    }
    assert.equal(
      refusal({ input_cost_per_token: 1.5 }),
      "input_cost_per_token is 1.5, above 1 USD per token",
    );
    assert.equal(
      refusal({ input_cost_per_token_above_9007199254740992_tokens: 1e-6 }),
      "input_cost_per_token_above_9007199254740992_tokens has a length that is not an integer up to 2^53-1",
    );
  });
});

describe("tiered prices", () => {
  const tier = (start: number, rates: object) => ({ range: [start, start + 100], ...rates });

  it("give each tier a rate for every dimension of any tier, and replace the flat rates of the input", () => {
    assert.deepEqual(
      read({
        input_cost_per_token: 9e-6,
        cache_creation_input_token_cost: 9e-6,
        output_cost_per_token: 9e-6,
        output_cost_per_image: 0.5,
        tiered_pricing: [
          tier(0, { input_cost_per_token: 1e-6, cache_read_input_token_cost: 5e-7 }),
          tier(100, {
            input_cost_per_token: 2e-6,
            output_cost_per_token: 4e-6,
            output_cost_per_reasoning_token: 5e-6,
          }),
          tier(200, { input_cost_per_token: 3e-6, output_cost_per_token: 6e-6 }),
          "no tier",
        ],
      }),
      {
        input: "1 per 1000000, above 100: 2 per 1000000, above 200: 3 per 1000000",
        cacheRead: "0.5 per 1000000, above 100: 2 per 1000000, above 200: 3 per 1000000",
        output: "above 100: 4 per 1000000, above 200: 6 per 1000000",
        reasoning: "above 100: 5 per 1000000, above 200: 6 per 1000000",
        images: "0.5 per 1",
      },
    );
  });

  it("use the rate of another write to the cache, and then that of the input", () => {
    const hour = { cache_creation_input_token_cost_above_1hr: 5e-6 };
    const write = { cache_creation_input_token_cost: 4e-6 };
    const input = { input_cost_per_token: 3e-6 };
    assert.deepEqual(
      read({
        tiered_pricing: [
          tier(0, { ...hour, ...write, ...input }),
          tier(1, { ...write, ...input }),
          tier(2, input),
        ],
      }),
      {
        cacheWrite1h: "5 per 1000000, above 1: 4 per 1000000, above 2: 3 per 1000000",
        cacheWrite: "4 per 1000000, above 1: 4 per 1000000, above 2: 3 per 1000000",
        input: "3 per 1000000, above 1: 3 per 1000000, above 2: 3 per 1000000",
      },
    );
  });

  it("are refused without a range, or if there are more than 100", () => {
    for (const range of [undefined, [], ["0"], [-1], [0.5], 0]) {
      assert.equal(
        refusal({ tiered_pricing: [{ range, input_cost_per_token: 1e-6 }] }),
        "tiered_pricing has a tier without a range",
      );
    }
    const tiers = (count: number) =>
      Array.from({ length: count }, (_, at) => tier(at, { input_cost_per_token: 0 }));
    assert.equal(refusal({ tiered_pricing: tiers(100) }), "accepted");
    assert.equal(refusal({ tiered_pricing: tiers(101) }), "tiered_pricing has 101 tiers, more than 100");
  });
});

describe("the price of a search", () => {
  const search = (prices: unknown) => read({ search_context_cost_per_query: prices });
  const sizes = (low: unknown, medium: unknown, high: unknown) => ({
    search_context_size_low: low,
    search_context_size_medium: medium,
    search_context_size_high: high,
  });

  it("is that of a medium context, with a note if the sizes differ", () => {
    for (const different of [sizes(0.01, 0.02, 0.03), sizes(0.02, 0.02, 0.03)]) {
      assert.deepEqual(search(different), {
        searchQueries: "0.02 per 1",
        "note of searchQueries": "searchQueries: at the rate of a medium search context",
      });
    }
    assert.deepEqual(search(sizes(0.02, 0.02, 0.02)), { searchQueries: "0.02 per 1" });
    assert.deepEqual(search(sizes(0.01, undefined, 0.01)), { searchQueries: "0.01 per 1" });
    assert.deepEqual(search(sizes(undefined, undefined, 0.03)), { searchQueries: "0.03 per 1" });
    assert.deepEqual(search(0.05), { searchQueries: "0.05 per 1" });
    for (const none of [undefined, null, {}, sizes("0.01", null, true)])
      assert.equal(search(none), undefined);
    assert.equal(
      refusal({ search_context_cost_per_query: { search_context_size_low: -1 } }),
      "search_context_cost_per_query.search_context_size_low is -1",
    );
  });
});

describe("an entry", () => {
  it("has up to 300 fields", () => {
    const fields = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}`, at]));
    assert.equal(refusal(fields(300)), "accepted");
    assert.equal(refusal(fields(301)), "it has 301 fields, more than 300");
    assert.equal(read(fields(300)), undefined);
  });

  it("has a note if the model has off-peak rates", () => {
    assert.deepEqual(read({ input_cost_per_token: 1e-6, off_peak_pricing: {} }), {
      input: "1 per 1000000",
      "note of input": "input: the model has off-peak rates, which are not applied",
    });
  });

  it("is refused with at most 100 characters of the name of a field", () => {
    const name = `input_cost_per_token_above_${"9".repeat(80)}_tokens`;
    assert.match(refusal({ [name]: 1 }), /^input_cost_per_token_above_9{73}\.\.\. has a length/);
  });
});
