import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createFieldReader } from "../../src/domain/prices/litellm-fields.ts";
import { acceptPriceFile, createPriceBook, type PriceFile } from "../../src/domain/prices.ts";

const WHEN = new Date("2026-06-01T12:00:00Z");
const priced = { litellm_provider: "in-house", mode: "chat", input_cost_per_token: 1e-6 };

/** A file with these models, and as many others as a file must have. */
const textOf = (models: object): string =>
  JSON.stringify({
    ...Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`filler-${n}`, priced])),
    ...models,
  });

function accepted(text: string): PriceFile {
  const verdict = acceptPriceFile(undefined, text);
  assert.ok(verdict.ok);
  return verdict.file;
}

const refusal = (models: object): string => {
  const verdict = acceptPriceFile(undefined, JSON.stringify(models));
  return verdict.ok ? "" : verdict.why;
};

/** The key of the file that a name finds, and what was assumed. */
function found(models: object, name: string): [key: string, assumed: readonly string[]] | undefined {
  const model = accepted(textOf(models)).layer.find(name, WHEN);
  return model && [model.matchedModel, model.assumed];
}

describe("the reason why a price file is refused", () => {
  const broken = (count: number): object =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`bad-${n}`, { input_cost_per_token: "x" }]));
  const why = "it has 0 models with a usable price, fewer than 50; left out: ";

  it("shows up to three models that were left out, and counts the others", () => {
    const shown = (count: number): string =>
      Array.from({ length: count }, (_, n) => `"bad-${n}": input_cost_per_token is "x"`).join("; ");
    assert.equal(refusal(broken(1)), why + shown(1));
    assert.equal(refusal(broken(3)), why + shown(3));
    assert.equal(refusal(broken(5)), `${why}${shown(3)}; and 2 more`);
    assert.equal(refusal({}), "it has 0 models with a usable price, fewer than 50");
  });

  it("cuts the name of a model after 100 characters", () => {
    const entry = { input_cost_per_token: "x" };
    assert.equal(
      refusal({ ["m".repeat(101)]: entry }),
      `${why}"${"m".repeat(100)}": input_cost_per_token is "x"`,
    );
  });
});

describe("a price that is too small for a float", () => {
  const fileWith = (price: string): PriceFile =>
    accepted(textOf({ tiny: { ...priced, input_cost_per_token: "PRICE" } }).replace('"PRICE"', price));

  it("is refused, and not read as 0", () => {
    assert.deepEqual(
      fileWith("1e-400").leftOut.map(({ model }) => model),
      ["tiny"],
    );
    assert.deepEqual(fileWith("-0.5e-400").leftOut.length, 1);
  });

  it("is not mixed up with a price of 0", () => {
    for (const price of ["0", "0.0", "0e-400"]) assert.deepEqual(fileWith(price).leftOut, [], price);
  });
});

describe("the keys of a price file", () => {
  it("are found in any case, and the first of two that differ only in case", () => {
    const two = { "In-House": { ...priced, input_cost_per_token: 2e-6 }, "in-house": priced };
    assert.deepEqual(found(two, "IN-HOUSE"), ["In-House", []]);
  });

  it("are found without their prefix if only one has this ending", () => {
    const one = { "groq/llama-x": priced };
    assert.deepEqual(found(one, "llama-x"), ["groq/llama-x", ["model: llama-x is priced as groq/llama-x"]]);
    assert.equal(found({ ...one, "together/llama-x": priced }, "llama-x"), undefined);
  });

  it("of a maker come before others with this ending, without an assumption", () => {
    for (const maker of [
      "openai",
      "anthropic",
      "gemini",
      "mistral",
      "deepseek",
      "xai",
      "cohere",
      "voyage",
      "moonshot",
    ]) {
      assert.deepEqual(found({ [`${maker}/m-x`]: priced, "groq/m-x": priced }, "m-x"), [`${maker}/m-x`, []]);
    }
  });

  it("are found with the provider's other names, if the entry has that provider", () => {
    const entry = { ...priced, litellm_provider: "vertex_ai-language-models" };
    assert.deepEqual(found({ "m-x": entry }, "google/m-x"), ["m-x", []]);
    assert.deepEqual(found({ "m-x": entry }, "vertex/m-x"), ["m-x", []]);
    assert.equal(found({ "m-x": entry }, "openai/m-x"), undefined);
    assert.deepEqual(
      found({ "m-x": { ...priced, litellm_provider: "text-completion-openai" } }, "openai/m-x"),
      ["m-x", []],
    );
  });

  it("of Amazon are found for the region, and else with an assumption", () => {
    const own = { ...priced, litellm_provider: "bedrock" };
    const models = { "meta.m-x": own, "eu-west-2/meta.m-x": own };
    assert.deepEqual(found(models, "bedrock/eu-west-2/meta.m-x"), ["eu-west-2/meta.m-x", []]);
    assert.deepEqual(found(models, "bedrock/meta.m-x"), ["meta.m-x", []]);
    assert.deepEqual(found(models, "bedrock/us-east-1/meta.m-x"), [
      "meta.m-x",
      ["model: us-east-1/meta.m-x is priced without regard to its region, us-east-1"],
    ]);
    for (const profile of ["us", "eu", "apac", "au", "jp", "ca", "global"]) {
      assert.deepEqual(found(models, `${profile}.meta.m-x`), [
        "meta.m-x",
        [`model: ${profile}.meta.m-x is priced as meta.m-x`],
      ]);
    }
    assert.equal(found(models, "us-gov.meta.m-x"), undefined);
    assert.equal(found(models, "bedrock/us-east-1/nobody"), undefined);
  });

  it("of a snapshot are found without its date, with an assumption", () => {
    const assumed = ["model: m-x-2031-01-01 is priced as m-x"];
    assert.deepEqual(found({ "m-x": priced }, "m-x-2031-01-01"), ["m-x", assumed]);
    assert.deepEqual(found({ "m-x-2031-01-01": priced }, "m-x-20310101"), ["m-x-2031-01-01", []]);
  });

  it("of a fine-tuned model are found under its base, and else under the newest date", () => {
    const base = { "ft:m-x": priced, "m-x": priced };
    assert.deepEqual(found(base, "ft:m-x:org::id"), ["ft:m-x", []]);
    const dated = { "ft:m-x-2024-01-01": priced, "ft:m-x-2025-01-01": priced, "ft:m-x-2024-06-01": priced };
    assert.deepEqual(found(dated, "ft:m-x:org::id"), [
      "ft:m-x-2025-01-01",
      ["model: ft:m-x is priced as ft:m-x-2025-01-01"],
    ]);
    assert.equal(found({ "m-x": priced }, "ft:m-x:org::id"), undefined);
  });
});

describe("the maximum output tokens in a price file", () => {
  const maximum = (entry: object): number | undefined =>
    createPriceBook([accepted(textOf({ m: { ...priced, ...entry } })).layer]).maxOutputTokens("m");

  it("are max_output_tokens, or for chat max_tokens", () => {
    assert.equal(maximum({ max_output_tokens: 7, max_tokens: 9 }), 7);
    assert.equal(maximum({ max_tokens: 9 }), 9);
    assert.equal(maximum({ max_tokens: 9, mode: "embedding" }), undefined);
    assert.equal(maximum({ max_output_tokens: 1 }), 1);
  });

  it("are not known if they are not an integer above 0", () => {
    for (const value of [0, -1, 1.5, "9", 2 ** 53])
      assert.equal(maximum({ max_output_tokens: value }), undefined);
  });
});

describe("the name of a field of a price file", () => {
  const read = createFieldReader();
  const field = (name: string, mode: unknown = "chat") => {
    const { dimension, serviceTier, aboveInputTokens } = read(name, mode) ?? {};
    return [dimension, serviceTier, aboveInputTokens];
  };

  for (const [name, dimension] of [
    ["input_cost_per_token", "input"],
    ["output_cost_per_token", "output"],
    ["cache_read_input_token_cost", "cacheRead"],
    ["input_cost_per_token_cache_hit", "cacheRead"],
    ["cache_read_input_audio_token_cost", "cacheReadAudio"],
    ["cache_read_input_image_token_cost", "cacheReadImage"],
    ["cache_creation_input_token_cost", "cacheWrite"],
    ["cache_creation_input_token_cost_above_1hr", "cacheWrite1h"],
    ["output_cost_per_reasoning_token", "reasoning"],
    ["input_cost_per_audio_token", "inputAudio"],
    ["output_cost_per_audio_token", "outputAudio"],
    ["input_cost_per_image_token", "inputImage"],
    ["output_cost_per_image_token", "outputImage"],
    ["input_cost_per_character", "inputCharacters"],
    ["output_cost_per_character", "outputCharacters"],
    ["input_cost_per_second", "inputSeconds"],
    ["input_cost_per_audio_per_second", "inputSeconds"],
    ["input_cost_per_video_per_second", "inputSeconds"],
    ["output_cost_per_second", "outputSeconds"],
    ["output_cost_per_video_per_second", "outputSeconds"],
    ["output_cost_per_image", "images"],
    ["ocr_cost_per_page", "pages"],
    ["input_cost_per_request", "requests"],
    ["input_cost_per_query", "requests"],
  ] as const) {
    it(`${name} prices ${dimension}`, () => assert.deepEqual(field(name), [dimension, "standard", 0]));
  }

  it("may end in a tier, in a length, and in both in either order", () => {
    assert.deepEqual(field("input_cost_per_token_flex"), ["input", "flex", 0]);
    assert.deepEqual(field("input_cost_per_token_batches"), ["input", "batch", 0]);
    assert.deepEqual(field("input_cost_per_token_above_200k_tokens"), ["input", "standard", 200_000]);
    assert.deepEqual(field("input_cost_per_token_above_512_tokens"), ["input", "standard", 512]);
    assert.deepEqual(field("input_cost_per_token_priority_above_1k_tokens"), ["input", "priority", 1000]);
    assert.deepEqual(field("input_cost_per_token_above_1k_tokens_priority"), ["input", "priority", 1000]);
  });

  it("is not known if it has another end", () => {
    for (const name of [
      "input_cost_per_token_x",
      "xinput_cost_per_token",
      "input_cost_per_token_above_tokens",
      "",
    ]) {
      assert.equal(read(name, "chat"), undefined);
    }
  });

  it("prices a generated image by its input in image models only", () => {
    for (const mode of ["image_generation", "image_edit"]) {
      assert.deepEqual(field("input_cost_per_image", mode), ["images", "standard", 0]);
      assert.deepEqual(field("input_cost_per_pixel", mode), ["pixels", "standard", 0]);
      assert.deepEqual(field("output_cost_per_pixel", mode), ["pixels", "standard", 0]);
    }
    assert.equal(read("input_cost_per_image", "chat"), undefined);
    assert.equal(read("output_cost_per_pixel", undefined), undefined);
  });
});
