import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { outOfBounds } from "../../src/domain/prices/bounds.ts";
import { bill } from "../../src/domain/prices/cost.ts";
import { boundedMemo } from "../../src/domain/prices/layer.ts";
import { createNearest, mostAlike } from "../../src/domain/prices/nearest.ts";
import { type Quote, ratesFrom } from "../../src/domain/prices/quotes.ts";
import {
  DIMENSIONS,
  type Dimension,
  isDimension,
  type Rate,
  rateFor,
} from "../../src/domain/prices/rates.ts";
import { INPUT_PARTS, OUTPUT_PARTS, type Usage, type UsageNumber } from "../../src/domain/usage.ts";

const rate = (usd: bigint, per = 1): Rate => ({ usd: { numerator: usd, denominator: 1n }, per });

/** The dimensions in the order of a bill, with the field of a usage that each one prices, and its unit. */
const TABLE: readonly (readonly [dimension: Dimension, field: UsageNumber, unit: string])[] = [
  ["input", "inputTokens", "tokens"],
  ["cacheRead", "cacheReadTokens", "tokens"],
  ["cacheReadAudio", "cacheReadAudioTokens", "tokens"],
  ["cacheReadImage", "cacheReadImageTokens", "tokens"],
  ["cacheWrite", "cacheWriteTokens", "tokens"],
  ["cacheWrite1h", "cacheWrite1hTokens", "tokens"],
  ["inputAudio", "inputAudioTokens", "tokens"],
  ["inputImage", "inputImageTokens", "tokens"],
  ["output", "outputTokens", "tokens"],
  ["reasoning", "reasoningTokens", "tokens"],
  ["outputAudio", "outputAudioTokens", "tokens"],
  ["outputImage", "outputImageTokens", "tokens"],
  ["inputCharacters", "inputCharacters", "characters"],
  ["outputCharacters", "outputCharacters", "characters"],
  ["inputSeconds", "inputSeconds", "seconds"],
  ["outputSeconds", "outputSeconds", "seconds"],
  ["images", "images", "images"],
  ["pixels", "pixels", "pixels"],
  ["pages", "pages", "pages"],
  ["searchQueries", "searchQueries", "queries"],
  ["requests", "requests", "requests"],
];

describe("a dimension", () => {
  it("is one of 21, in the order of a bill", () => {
    assert.deepEqual(
      DIMENSIONS,
      TABLE.map(([dimension]) => dimension),
    );
    for (const [dimension] of TABLE) assert.ok(isDimension(dimension));
    for (const other of ["", "inputTokens", "toString", "Input"]) assert.ok(!isDimension(other));
  });

  for (const [dimension, field, unit] of TABLE) {
    it(`${dimension} prices ${field}, in ${unit}`, () => {
      // A part needs its totals, which then have nothing left.
      const totals: Usage = (INPUT_PARTS as readonly string[]).includes(field)
        ? { inputTokens: 3 }
        : (OUTPUT_PARTS as readonly string[]).includes(field)
          ? { outputTokens: 3 }
          : field.startsWith("cacheRead")
            ? { inputTokens: 3, cacheReadTokens: 3 }
            : {};
      const rates = { standard: { [dimension]: { base: rate(2n, 10) } } };
      const lines = bill(rates, { ...totals, [field]: 3 }).lines;
      assert.deepEqual(lines, [{ dimension, quantity: 3, rateUsd: "2", per: `10 ${unit}`, costUsd: "0.6" }]);
    });
  }

  it("has a highest rate: 1 USD for what is small, and 1000 USD for what is large", () => {
    for (const [dimension, , unit] of TABLE) {
      const most = ["tokens", "characters", "pixels"].includes(unit) ? 1n : 1000n;
      const one = { queries: "query" }[unit] ?? unit.slice(0, -1);
      assert.equal(outOfBounds(dimension, rate(most)), undefined);
      assert.equal(outOfBounds(dimension, rate(most * 1000n, 1000)), undefined);
      assert.equal(outOfBounds(dimension, rate(most * 1000n + 1n, 1000)), `above ${most} USD per ${one}`);
    }
  });

  it("has a lowest rate above 0, for one unit", () => {
    const tiny = (denominator: bigint, per = 1): Rate => ({ usd: { numerator: 1n, denominator }, per });
    assert.equal(outOfBounds("input", rate(0n)), undefined);
    assert.equal(outOfBounds("input", tiny(10n ** 18n)), undefined);
    assert.equal(outOfBounds("input", tiny(10n ** 18n + 1n)), "above 0 and below 1e-18 USD per token");
    assert.equal(outOfBounds("input", tiny(10n ** 12n, 1_000_000)), undefined);
    assert.equal(
      outOfBounds("input", tiny(10n ** 12n + 1n, 1_000_000)),
      "above 0 and below 1e-18 USD per token",
    );
  });
});

describe("a rate with steps", () => {
  const stepped = {
    base: rate(1n),
    steps: [
      { above: 100, rate: rate(2n) },
      { above: 200, rate: rate(3n) },
    ],
  };
  const at = (tokens: number, of: Parameters<typeof rateFor>[0] = stepped) => {
    const found = rateFor(of, tokens);
    return found && [found.rate.usd.numerator, found.above];
  };

  it("is that of the last step which the request exceeds", () => {
    assert.deepEqual(
      [0, 100, 101, 200, 201].map((tokens) => at(tokens)),
      [
        [1n, 0],
        [1n, 0],
        [2n, 100],
        [2n, 100],
        [3n, 200],
      ],
    );
  });

  it("may lack a rate for short requests", () => {
    assert.equal(at(100, { steps: stepped.steps }), undefined);
    assert.deepEqual(at(101, { steps: stepped.steps }), [2n, 100]);
    assert.deepEqual(at(5, { base: rate(1n) }), [1n, 0]);
    assert.equal(rateFor(undefined, 5), undefined);
    assert.equal(at(5, {}), undefined);
  });
});

describe("quotes", () => {
  const quote = (usd: bigint, more: Partial<Quote> = {}): Quote => ({
    dimension: "input",
    serviceTier: "standard",
    aboveInputTokens: 0,
    rate: rate(usd),
    ...more,
  });

  it("become tables by tier and dimension, with ascending steps; the first of two equal cases counts", () => {
    const table = ratesFrom(
      [
        quote(1n),
        quote(9n),
        quote(3n, { aboveInputTokens: 200 }),
        quote(2n, { aboveInputTokens: 100 }),
        quote(8n, { aboveInputTokens: 200 }),
        quote(4n, { serviceTier: "flex", aboveInputTokens: 100 }),
        quote(5n, { serviceTier: "batch", dimension: "output" }),
      ],
      { inputSecondsMin: 10 },
    );
    assert.deepEqual(table, {
      inputSecondsMin: 10,
      standard: {
        input: {
          base: rate(1n),
          steps: [
            { above: 100, rate: rate(2n) },
            { above: 200, rate: rate(3n) },
          ],
        },
      },
      flex: { input: { steps: [{ above: 100, rate: rate(4n) }] } },
      priority: {},
      batch: { output: { base: rate(5n) } },
    });
  });
});

describe("the nearest names", () => {
  it("share pairs of characters, also those at the ends, in any letter case", () => {
    const nearest = createNearest(["gpt-4o", "gpt-4o-mini", "claude", "GPT-5"]);
    assert.deepEqual(
      nearest("gpt-4", 2).map(({ known }) => known),
      ["gpt-4o", "GPT-5"],
    );
    assert.deepEqual(nearest("Claude", 5), [{ known: "claude", score: 1 }]);
    assert.deepEqual(nearest("xyz", 5), []);
    // "^a", "ab", "b$" and "^a", "ac", "c$" share one pair of six: 2 * 1 / 6.
    assert.deepEqual(createNearest(["ac"])("ab", 1), [{ known: "ac", score: 1 / 3 }]);
    // One pair of eight is a quarter, which is too little.
    assert.deepEqual(createNearest(["acd"])("abe", 1), []);
  });

  it("are sorted by likeness, and then the shortest come first", () => {
    const names = [
      { known: "longer", score: 0.5 },
      { known: "best", score: 0.9 },
      { known: "short", score: 0.5 },
    ];
    assert.deepEqual(
      mostAlike(names, 3).map(({ known }) => known),
      ["best", "short", "longer"],
    );
    assert.equal(mostAlike(names, 1).length, 1);
  });
});

describe("a bounded memo", () => {
  it("computes a value once, also if it is undefined, and forgets the names that were used least recently", () => {
    const computed: string[] = [];
    const memo = boundedMemo(2, (key) => {
      computed.push(key);
      return key === "none" ? undefined : key.length;
    });
    assert.deepEqual(["none", "none", "bb", "none"].map(memo), [undefined, undefined, 2, undefined]);
    assert.deepEqual(computed, ["none", "bb"]);
    // "bb" was used before "none", so "c" replaces it.
    assert.deepEqual(["c", "none", "bb"].map(memo), [1, undefined, 2]);
    assert.deepEqual(computed, ["none", "bb", "c", "bb"]);
  });
});
