import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MatchLogic, ModelInfo, Provider } from "@pydantic/genai-prices";
import { equalNames, indexProvider, isNormalName } from "../../src/domain/prices/genai-match.ts";
import { ratesAt } from "../../src/domain/prices/genai-rates.ts";

const WHEN = new Date("2026-06-01T12:00:00Z");

const model = (
  id: string,
  match: MatchLogic,
  prices: ModelInfo["prices"] = { input_mtok: 1 },
): ModelInfo => ({ id, match, prices });
const providerOf = (id: string, ...models: ModelInfo[]): Provider => ({ id, models }) as Provider;

/** The ids of the names that a provider with one model of this rule knows. */
const knownBy = (rule: MatchLogic, ...names: string[]): string[] => {
  const { find } = indexProvider(providerOf("maker", model("m", rule)));
  return names.filter((name) => find(name) !== undefined);
};

describe("a rule of genai-prices", () => {
  it("by equality accepts the name only, in any case of the rule", () => {
    assert.deepEqual(knownBy({ equals: "GPT-9" }, "gpt-9", "gpt-9-2025-01-01", "gpt-90"), ["gpt-9"]);
  });

  it("for a family accepts the name and its versions, at the start of a name", () => {
    const names = [
      "gpt-9",
      "gpt-9-2025-01-01",
      "gpt-9-latest",
      "gpt-9-mini",
      "gpt-90",
      "us.gpt-9",
      "my-gpt-9",
      "gpt",
    ];
    assert.deepEqual(knownBy({ starts_with: "GPT-9" }, ...names), [
      "gpt-9",
      "gpt-9-2025-01-01",
      "gpt-9-latest",
    ]);
  });

  it("by its end accepts a name with a place before it, and nothing after it", () => {
    const names = ["gpt-9", "us.gpt-9", "models/gpt-9", "my-gpt-9", "gpt-9-latest", "9"];
    assert.deepEqual(knownBy({ ends_with: "GPT-9" }, ...names), ["gpt-9", "us.gpt-9", "models/gpt-9"]);
  });

  it("by its content accepts a place before it and a version after it", () => {
    const names = ["gpt-9", "us.gpt-9-latest", "gpt-9-mini", "my-gpt-9", "gpt"];
    assert.deepEqual(knownBy({ contains: "GPT-9" }, ...names), ["gpt-9", "us.gpt-9-latest"]);
  });

  it("by a pattern accepts what the pattern covers but for a version, counting its last digits as one", () => {
    const names = ["gpt-x", "gpt-x-latest", "gpt-x-mini", "my-gpt-x", "gpt"];
    assert.deepEqual(knownBy({ regex: "gpt-x" }, ...names), ["gpt-x", "gpt-x-latest"]);
    assert.deepEqual(knownBy({ regex: "^gpt-9-\\d" }, "gpt-9-0613", "gpt-9-6", "gpt-9-61b"), [
      "gpt-9-0613",
      "gpt-9-6",
    ]);
    assert.deepEqual(knownBy({ regex: "x*" }, "gpt-9", ""), []);
  });

  it("of alternatives accepts what one of them accepts", () => {
    const rule: MatchLogic = { or: [{ equals: "A" }, { starts_with: "gpt-9" }] };
    assert.deepEqual(knownBy(rule, "a", "gpt-9-latest", "b"), ["a", "gpt-9-latest"]);
    assert.deepEqual(equalNames({ or: [{ equals: "A" }, { or: [{ equals: "b" }] }, { contains: "c" }] }), [
      "a",
      "b",
    ]);
  });

  it("of conditions accepts what all of them accept, where patterns only exclude", () => {
    const rule: MatchLogic = { and: [{ starts_with: "gpt-9" }, { regex: "t$" }] };
    assert.deepEqual(knownBy(rule, "gpt-9-latest", "gpt-9", "gpt-9-pit"), ["gpt-9-latest"]);
    assert.deepEqual(knownBy({ and: [{ regex: "gpt" }, { regex: "9" }] }, "gpt-9"), []);
  });
});

describe("the models of a provider", () => {
  const find = (name: string, ...models: ModelInfo[]): string | undefined =>
    indexProvider(providerOf("maker", ...models)).find(name)?.id;

  it("are found by equality first, wherever they are listed", () => {
    const family = model("family", { starts_with: "gpt-9" });
    const exact = model("exact", { equals: "gpt-9-latest" });
    assert.equal(find("gpt-9-latest", family, exact), "exact");
    assert.equal(find("gpt-9", family, exact), "family");
  });

  it("are the first listed if several have a name", () => {
    const one = model("one", { equals: "a" });
    const two = model("two", { equals: "a" });
    assert.equal(find("a", one, two), "one");
    const families = [model("one", { starts_with: "b" }), model("two", { starts_with: "b" })];
    assert.equal(find("b-latest", ...families), "one");
  });

  it("are not of another major version than the name", () => {
    const titan = model("titan-v1", { starts_with: "titan" });
    assert.equal(find("titan-v1:0", titan), "titan-v1");
    assert.equal(find("titan-v2:0", titan), undefined);
  });

  it("are not searched by patterns for a name that no source has", () => {
    const names = ["gpt-9", "x".repeat(128), "x".repeat(129), "", "gpt 9", "gpt-é", "GPT-9"];
    assert.deepEqual(names.filter(isNormalName), ["gpt-9", "x".repeat(128)]);
    assert.equal(find(`gpt-9${"-latest".repeat(20)}`, model("m", { starts_with: "gpt-9" })), undefined);
  });
});

/** The dimension that each key of genai-prices prices, and the units of its price. */
const KEYS: [key: string, dimension: string, per: number][] = [
  ["input_mtok", "input", 1_000_000],
  ["output_mtok", "output", 1_000_000],
  ["cache_read_mtok", "cacheRead", 1_000_000],
  ["cache_audio_read_mtok", "cacheReadAudio", 1_000_000],
  ["cache_image_read_mtok", "cacheReadImage", 1_000_000],
  ["cache_write_mtok", "cacheWrite", 1_000_000],
  ["cache_write_5m_mtok", "cacheWrite", 1_000_000],
  ["cache_write_1h_mtok", "cacheWrite1h", 1_000_000],
  ["output_reasoning_mtok", "reasoning", 1_000_000],
  ["input_audio_mtok", "inputAudio", 1_000_000],
  ["output_audio_mtok", "outputAudio", 1_000_000],
  ["input_image_mtok", "inputImage", 1_000_000],
  ["output_image_mtok", "outputImage", 1_000_000],
  ["input_mchars", "inputCharacters", 1_000_000],
  ["output_mchars", "outputCharacters", 1_000_000],
  ["audio_hours", "inputSeconds", 3600],
  ["input_audio_hours", "inputSeconds", 3600],
  ["output_audio_hours", "outputSeconds", 3600],
  ["input_gpixels", "pixels", 1_000_000_000],
  ["output_gpixels", "pixels", 1_000_000_000],
  ["input_document_kpages", "pages", 1000],
  ["web_searches_kcount", "searchQueries", 1000],
  ["requests_kcount", "requests", 1000],
];

describe("the prices of genai-prices", () => {
  const ratesOf = (id: string, prices: ModelInfo["prices"], provider = "maker") =>
    ratesAt(providerOf(provider), model(id, { equals: id }, prices), WHEN);

  for (const [key, dimension, per] of KEYS) {
    it(`named ${key} are for ${per} units of ${dimension}`, () => {
      const usd = { numerator: 25n, denominator: 10n };
      assert.deepEqual(ratesOf("m", { [key]: 2.5 }).standard, { [dimension]: { base: { usd, per } } });
    });
  }

  it("may rise with the length of the input", () => {
    const rate = (usd: bigint) => ({ usd: { numerator: usd, denominator: 1n }, per: 1_000_000 });
    const tiers = [
      { start: 200, price: 3 },
      { start: 100, price: 2 },
    ];
    assert.deepEqual(ratesOf("m", { input_mtok: { base: 1, tiers } }).standard, {
      input: {
        base: rate(1n),
        steps: [
          { above: 100, rate: rate(2n) },
          { above: 200, rate: rate(3n) },
        ],
      },
    });
  });

  it("are zero for a variant that is free, and unknown for other models without a price", () => {
    const zero = { base: { usd: { numerator: 0n, denominator: 1n }, per: 1_000_000 } };
    assert.deepEqual(ratesOf("m:free", {}).standard, { input: zero, output: zero });
    assert.deepEqual(ratesOf("m", {}).standard, {});
    assert.deepEqual(Object.keys(ratesOf("m:free", { requests_kcount: 1 }).standard), ["requests"]);
  });

  it("bill ten seconds of audio at least, for Groq's Whisper only", () => {
    const secondsMin = (provider: string, id: string) =>
      ratesOf(id, { audio_hours: 1 }, provider).inputSecondsMin;
    assert.equal(secondsMin("groq", "whisper-large-v3-turbo"), 10);
    assert.equal(secondsMin("openai", "whisper-large-v3"), undefined);
    assert.equal(secondsMin("groq", "whisper-small"), undefined);
  });

  it("may depend on the date", () => {
    const prices = [
      { prices: { input_mtok: 1 } },
      { constraint: { start_date: "2026-06-01", type: "start_date" }, prices: { input_mtok: 9 } },
    ] as ModelInfo["prices"];
    const dated = model("m", { equals: "m" }, prices);
    const inputAt = (text: string) =>
      ratesAt(providerOf("maker", dated), dated, new Date(text)).standard.input?.base?.usd.numerator;
    assert.deepEqual([inputAt("2026-05-31T12:00:00Z"), inputAt("2026-06-01T12:00:00Z")], [1n, 9n]);
  });
});
