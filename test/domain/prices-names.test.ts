import assert from "node:assert/strict";
import { test } from "node:test";
import { calcPrice, waitForUpdate } from "@pydantic/genai-prices";
import { Failure } from "../../src/domain/errors.ts";
import { genaiLayer } from "../../src/domain/prices/genai.ts";
import { acceptPriceFile, createPriceBook, type PriceBook } from "../../src/domain/prices.ts";
import { sampleText } from "./prices-sample.ts";

const WHEN = new Date("2026-06-01T12:00:00Z");
const verdict = acceptPriceFile(undefined, sampleText());
assert.ok(verdict.ok);
const genai = createPriceBook();
const file = createPriceBook([verdict.file.layer]);

/** The entry that prices a name, or undefined if the name has no price. */
function matched(book: PriceBook, model: string): string | undefined {
  try {
    return book.priceUsage(model, { inputTokens: 1, outputTokens: 1 }, WHEN).matchedModel;
  } catch (error) {
    if (error instanceof Failure && error.error.reason === "UNPRICED_MODEL") return undefined;
    throw error;
  }
}

const GENAI_NAMES: [written: string, known: string][] = [
  ["gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini"],
  ["openai/gpt-4o-mini", "openai/gpt-4o-mini"],
  [" GPT-4o-mini ", "openai/gpt-4o-mini"],
  ["azure/gpt-4o", "openai/gpt-4o"],
  ["azure/gpt-35-turbo", "openai/gpt-3.5-turbo"],
  ["anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"],
  ["claude-sonnet-4-5@20250929", "anthropic/claude-sonnet-4-5"],
  ["vertex_ai/claude-sonnet-4-5@20250929", "google/claude-sonnet-4-5"],
  [
    "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "aws/regional.anthropic.claude-sonnet-4-5-20250929-v1:0",
  ],
  [
    "bedrock/converse/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "aws/regional.anthropic.claude-sonnet-4-5-20250929-v1:0",
  ],
  [
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "aws/regional.anthropic.claude-sonnet-4-5-20250929-v1:0",
  ],
  ["us.amazon.nova-lite-v1:0", "aws/amazon.nova-lite-v1:0"],
  ["vertex_ai/gemini-2.5-pro", "google/gemini-2.5-pro"],
  ["gemini/gemini-2.5-pro", "google/gemini-2.5-pro"],
  ["models/gemini-2.5-flash", "google/gemini-2.5-flash"],
  ["projects/p1/locations/us-central1/publishers/google/models/gemini-2.5-flash", "google/gemini-2.5-flash"],
  ["gemini-2.5-pro-preview-05-06", "google/gemini-2.5-pro"],
  ["xai/grok-4", "x-ai/grok-4-0709"],
  ["mistral-large-latest", "mistral/mistral-large"],
  ["openrouter/anthropic/claude-sonnet-4.5", "openrouter/anthropic/claude-sonnet-4.5"],
  ["llama-3.3-70b-versatile", "groq/llama-3.3-70b-versatile"],
  ["ft:gpt-4o-mini:acme::9xyz", "openai/ft:gpt-4o-mini"],
  ["ft:gpt-3.5-turbo-0125:acme::9xyz", "openai/ft:gpt-3.5-turbo-"],
  ["gpt-4.1-2031-01-01", "openai/gpt-4.1"],
  // Amazon's older Claude models are listed without their maker's name.
  ["anthropic.claude-3-5-haiku-20241022-v1:0", "aws/regional.anthropic.claude-3-5-haiku-20241022-v1:0"],
  [
    "bedrock/eu.anthropic.claude-3-5-sonnet-20241022-v2:0",
    "aws/regional.anthropic.claude-3-5-sonnet-20241022-v2:0",
  ],
  ["amazon.titan-embed-text-v1", "aws/amazon.titan-embed-text-v1"],
  ["vertex_ai/claude-fable-5@default", "google/claude-fable-5"],
  ["gemini-2.5-flash-lite-preview-09-2025", "google/gemini-2.5-flash-lite"],
  ["magistral-small-latest", "mistral/magistral-small"],
];

for (const [written, known] of GENAI_NAMES) {
  test(`genai-prices: ${written} is ${known}`, () => assert.equal(matched(genai, written), known));
}

const UNKNOWN = [
  "my-model",
  "gpt-4o-mini-nonexistent-foo",
  "gpt-4o-minime",
  "gpt-99",
  "o3-foo",
  "claude-foo",
  "claude-sonnet-4-5-turbo",
  "claude-3-haiku-large",
  "gemini-2.5-pro-foo",
  "gemini-2.5-pro-tts-2",
  // A family rule for deepseek-r1 would price a distilled model twenty times too high.
  "deepseek-r1-distill-llama-70b",
  "deepseek/deepseek-r1-distill-llama-70b",
  "my-amazon.nova-lite-v1:0",
  // A fine-tuned model without its own price is not priced as its base model.
  "ft:gpt-4.1-mini:acme::9xyz",
  // A data zone costs more than the list price, as do government regions.
  "azure/eu/gpt-4o",
  "bedrock/us-gov-west-1/meta.llama3-8b-instruct-v1:0",
  "us-gov.amazon.nova-lite-v1:0",
  // The rule for version 1 does not cover other versions.
  "amazon.titan-embed-text-v2:0",
  // Several hosts list these models at different prices.
  "meta-llama/llama-3.3-70b-instruct",
  "openai/claude-sonnet-4-5",
  "nobody/gpt-4o",
  "",
  "/",
  "openai/",
  "ft:",
  "__proto__",
  "constructor",
];

for (const name of UNKNOWN) {
  test(`genai-prices: ${JSON.stringify(name)} has no price`, () =>
    assert.equal(matched(genai, name), undefined));
}

const FILE_NAMES: [written: string, known: string | undefined][] = [
  ["gpt-4o-mini", "gpt-4o-mini"],
  ["openai/GPT-4o-mini", "gpt-4o-mini"],
  ["gpt-4o-mini-2024-07-18", "gpt-4o-mini"],
  ["anthropic/claude-sonnet-4-5-20250929", "claude-sonnet-4-5"],
  ["bedrock/anthropic.claude-3-5-haiku-20241022-v1:0", "anthropic.claude-3-5-haiku-20241022-v1:0"],
  ["bedrock/us-east-1/anthropic.claude-3-5-haiku-20241022-v1:0", "anthropic.claude-3-5-haiku-20241022-v1:0"],
  [
    "bedrock_converse/eu.anthropic.claude-3-5-haiku-20241022-v1:0",
    "anthropic.claude-3-5-haiku-20241022-v1:0",
  ],
  ["us.anthropic.claude-3-5-haiku-20241022-v1:0", "anthropic.claude-3-5-haiku-20241022-v1:0"],
  ["gemini-2.5-pro", "gemini/gemini-2.5-pro"],
  ["vertex_ai/gemini-1.5-pro", "gemini-1.5-pro"],
  ["qwen3-max", "dashscope/qwen3-max"],
  ["ft:gpt-4o-mini-2024-07-18:acme::9xyz", "ft:gpt-4o-mini-2024-07-18"],
  ["ft:gpt-4o-mini:acme::9xyz", "ft:gpt-4o-mini-2024-07-18"],
  ["azure/eu/gpt-4o-2024-11-20", "azure/eu/gpt-4o-2024-11-20"],
  ["google/gemini-2.5-pro", "gemini/gemini-2.5-pro"],
  ["vertex_ai_beta/gemini-1.5-pro", "gemini-1.5-pro"],
  ["google/gemini-1.5-pro", "gemini-1.5-pro"],
  ["aws/us.anthropic.claude-3-5-haiku-20241022-v1:0", "anthropic.claude-3-5-haiku-20241022-v1:0"],
  ["bedrock/us-gov-west-1/anthropic.claude-3-5-haiku-20241022-v1:0", undefined],
  ["us-gov.anthropic.claude-3-5-haiku-20241022-v1:0", undefined],
  // In this file, gpt-4o-mini is OpenAI's; Azure's and Anthropic's would be separate entries, which the file lacks.
  ["azure/gpt-4o-mini", undefined],
  ["anthropic/gpt-4o-mini", undefined],
  ["ft:gpt-5:acme::9xyz", undefined],
  ["gpt-4o-mini-foo", undefined],
  ["sample_spec", undefined],
];

for (const [written, known] of FILE_NAMES) {
  test(`price file: ${written} is ${known ?? "not known"}`, () =>
    assert.equal(matched(file, written), known));
}

const assumed = (book: PriceBook, model: string): string[] =>
  book.priceUsage(model, { inputTokens: 1 }, WHEN).assumed;

test("a bill reports what was assumed about a name", () => {
  assert.deepEqual(assumed(genai, "gpt-4.1-2031-01-01"), ["model: gpt-4.1-2031-01-01 is priced as gpt-4.1"]);
  assert.deepEqual(assumed(genai, "azure/gpt-4o"), ["model: azure is priced as openai"]);
  assert.deepEqual(assumed(genai, "ft:gpt-4o-mini:acme::9xyz"), [
    "model: ft:gpt-4o-mini is priced as ft:gpt-4o-mini-2024-07-18",
  ]);
  assert.deepEqual(assumed(file, "qwen3-max"), ["model: qwen3-max is priced as dashscope/qwen3-max"]);
  assert.deepEqual(assumed(genai, "gpt-4o"), []);
});

test("an unknown model gets the three nearest names, each with a price", () => {
  const names = genai.nearest("gpt-4o-mni");
  assert.equal(names.length, 3);
  assert.equal(names[0], "gpt-4o-mini");
  assert.deepEqual(genai.nearest("\u{1F600}"), []);
});

test("every suggested name has a price", () => {
  const unpriced = genaiLayer.names().filter((name) => genaiLayer.find(name, WHEN) === undefined);
  assert.deepEqual(unpriced, []);
});

test("a name that genai-prices lists for a provider finds that model", async () => {
  const wrong: string[] = [];
  for (const provider of (await waitForUpdate()) ?? []) {
    for (const { match, id } of provider.models) {
      const rules = "or" in match ? match.or : [match];
      for (const rule of rules) {
        if (!("equals" in rule) || rule.equals.startsWith("ft:")) continue;
        const theirs = calcPrice({}, rule.equals, { providerId: provider.id, timestamp: WHEN });
        const ours = genaiLayer.find(`${provider.id}/${rule.equals}`, WHEN)?.matchedModel;
        const empty = Object.keys(theirs?.model_price ?? {}).length === 0;
        if (!empty && theirs?.model.id === id && ours !== `${provider.id}/${id}`)
          wrong.push(`${rule.equals}: ${ours}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});
