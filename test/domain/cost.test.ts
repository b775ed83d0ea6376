import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseDecimal, toDecimalText } from "../../src/domain/decimal.ts";
import { bill, findRate, quantityOf } from "../../src/domain/prices/cost.ts";
import type { Dimension, ModelRates, Rate, RateTable } from "../../src/domain/prices/rates.ts";
import type { ServiceTier, Usage } from "../../src/domain/usage.ts";

const rate = (usd: string, per = 1): Rate => {
  const parsed = parseDecimal(usd);
  assert.ok(parsed !== undefined);
  return { usd: parsed, per };
};
const table = (usd: Partial<Record<Dimension, string>>): RateTable =>
  Object.fromEntries(Object.entries(usd).map(([dimension, text]) => [dimension, { base: rate(text) }]));
const rates = (
  standard: Partial<Record<Dimension, string>>,
  tiers: Omit<ModelRates, "standard"> = {},
): ModelRates => ({ standard: table(standard), ...tiers });

/** The lines of a bill in short: the dimension, the quantity and the price of one unit; and what was assumed. */
const billed = (prices: ModelRates, usage: Usage) => {
  const { lines, assumed } = bill(prices, usage);
  return [lines.map(({ dimension, quantity, rateUsd }) => [dimension, quantity, rateUsd]), assumed];
};

describe("a batch without rates of its own", () => {
  it("is billed half for tokens, and the full rate for searches, calls and all other units", () => {
    const prices = rates({
      input: "2",
      cacheRead: "1",
      output: "8",
      reasoning: "6",
      inputCharacters: "4",
      outputSeconds: "4",
      pages: "4",
      searchQueries: "10",
      requests: "3",
    });
    const usage: Usage = {
      inputTokens: 30,
      cacheReadTokens: 10,
      outputTokens: 7,
      reasoningTokens: 2,
      outputSeconds: 1,
      pages: 1,
      searchQueries: 5,
      serviceTier: "batch",
    };
    assert.deepEqual(billed(prices, usage), [
      [
        ["input", 20, "1"],
        ["cacheRead", 10, "0.5"],
        ["output", 5, "4"],
        ["reasoning", 2, "3"],
        ["outputSeconds", 1, "4"],
        ["pages", 1, "4"],
        ["searchQueries", 5, "10"],
        ["requests", 1, "3"],
      ],
      [
        "input: no batch rate, half of the standard rate",
        "cacheRead: no batch rate, half of the standard rate",
        "output: no batch rate, half of the standard rate",
        "reasoning: no batch rate, half of the standard rate",
        "outputSeconds: no batch rate, standard rate",
        "pages: no batch rate, standard rate",
        "searchQueries: no batch rate, standard rate",
        "requests: no batch rate, standard rate",
      ],
    ]);
    assert.deepEqual(billed(prices, { inputCharacters: 9, serviceTier: "batch" }), [
      [
        ["inputCharacters", 9, "4"],
        ["requests", 1, "3"],
      ],
      ["inputCharacters: no batch rate, standard rate", "requests: no batch rate, standard rate"],
    ]);
  });
});

describe("a rate of a service tier", () => {
  const usdOf = (prices: ModelRates, usage: Usage, dimension: Dimension = "input") => {
    const found = findRate(prices, usage, dimension);
    return found && [toDecimalText(found.rate.usd), found.assumed];
  };

  it("applies to its own tier only", () => {
    const prices = rates({ input: "2" }, { flex: table({ input: "1.5" }), priority: table({ input: "3" }) });
    assert.deepEqual(usdOf(prices, {}), ["2", undefined]);
    assert.deepEqual(usdOf(prices, { serviceTier: "standard" }), ["2", undefined]);
    assert.deepEqual(usdOf(prices, { serviceTier: "flex" }), ["1.5", undefined]);
    assert.deepEqual(usdOf(prices, { serviceTier: "priority" }), ["3", undefined]);
    assert.deepEqual(usdOf(prices, { serviceTier: "batch" }), [
      "1",
      "input: no batch rate, half of the standard rate",
    ]);
  });

  it("is the standard rate, and not half of it, if flex or priority has none", () => {
    for (const serviceTier of ["flex", "priority"] satisfies ServiceTier[]) {
      assert.deepEqual(usdOf(rates({ input: "2" }), { serviceTier }), [
        "2",
        `input: no ${serviceTier} rate, standard rate`,
      ]);
    }
  });

  it("does not apply to a request that is long enough for a step of the standard rate only", () => {
    const standard: RateTable = { input: { base: rate("2"), steps: [{ above: 100, rate: rate("4") }] } };
    const prices: ModelRates = { standard, flex: table({ input: "1" }) };
    assert.deepEqual(usdOf(prices, { inputTokens: 100, serviceTier: "flex" }), ["1", undefined]);
    assert.deepEqual(usdOf(prices, { inputTokens: 101, serviceTier: "flex" }), [
      "4",
      "input: no flex rate, standard rate",
    ]);
    const flex: RateTable = { input: { base: rate("1"), steps: [{ above: 100, rate: rate("3") }] } };
    assert.deepEqual(usdOf({ standard, flex }, { inputTokens: 101, serviceTier: "flex" }), ["3", undefined]);
  });

  it("applies without a standard rate", () => {
    const prices = rates({}, { flex: table({ input: "1" }) });
    assert.deepEqual(usdOf(prices, { serviceTier: "flex" }), ["1", undefined]);
    assert.equal(usdOf(prices, {}), undefined);
    assert.equal(usdOf(prices, { serviceTier: "batch" }), undefined);
  });

  it("carries the note of its dimension, in every tier that has the rate", () => {
    const notes = { input: "input: a note" };
    const prices = rates({ input: "2", output: "1" }, { flex: table({ input: "1" }), notes });
    assert.deepEqual(usdOf(prices, {}), ["2", "input: a note"]);
    assert.deepEqual(usdOf(prices, { serviceTier: "flex" }), ["1", "input: a note"]);
    assert.deepEqual(usdOf(prices, {}, "output"), ["1", undefined]);
    assert.deepEqual(usdOf(prices, {}, "cacheRead"), ["2", "cacheRead: at the rate of input; input: a note"]);
  });
});

/** The dimensions whose rate is used for a missing one, in this order. */
const STAND_INS: [dimension: Dimension, insteads: Dimension[]][] = [
  ["cacheRead", ["input"]],
  ["cacheReadAudio", ["cacheRead", "inputAudio", "input"]],
  ["cacheReadImage", ["cacheRead", "inputImage", "input"]],
  ["cacheWrite", ["input"]],
  ["cacheWrite1h", ["cacheWrite", "input"]],
  ["inputAudio", ["input"]],
  ["inputImage", ["input"]],
  ["reasoning", ["output"]],
  ["outputAudio", ["output"]],
  ["outputImage", ["output"]],
  ["input", []],
  ["output", []],
  ["inputCharacters", []],
  ["outputCharacters", []],
  ["inputSeconds", []],
  ["outputSeconds", []],
  ["images", []],
  ["pixels", []],
  ["pages", []],
  ["searchQueries", []],
  ["requests", []],
];

describe("a missing rate", () => {
  for (const [dimension, insteads] of STAND_INS) {
    it(`of ${dimension} is replaced by ${insteads.join(", then ") || "none"}`, () => {
      const left = new Set(STAND_INS.map(([each]) => each).filter((each) => each !== dimension));
      for (const instead of insteads) {
        const found = findRate(
          rates(Object.fromEntries([...left].map((each) => [each, `0.${each.length}`]))),
          {},
          dimension,
        );
        assert.equal(found?.assumed, `${dimension}: at the rate of ${instead}`);
        assert.equal(found?.rate.usd.numerator, BigInt(instead.length));
        left.delete(instead);
      }
      const rest = rates(Object.fromEntries([...left].map((each) => [each, "1"])));
      assert.equal(findRate(rest, {}, dimension), undefined);
    });
  }
});

describe("a bill", () => {
  it("charges an amount that is measured twice only once", () => {
    const all = rates({
      input: "1",
      output: "1",
      inputCharacters: "1",
      outputCharacters: "1",
      inputAudio: "1",
      inputSeconds: "1",
      outputAudio: "1",
      outputSeconds: "1",
      outputImage: "1",
      images: "1",
      pixels: "1",
    });
    const dimensions = (usage: Usage, prices = all) =>
      bill(prices, usage).lines.map((line) => line.dimension);
    assert.deepEqual(dimensions({ inputTokens: 3, inputCharacters: 9 }), ["input"]);
    assert.deepEqual(dimensions({ outputTokens: 3, outputCharacters: 9 }), ["output"]);
    assert.deepEqual(dimensions({ inputTokens: 3, inputAudioTokens: 3, inputSeconds: 9 }), ["inputAudio"]);
    assert.deepEqual(dimensions({ outputTokens: 3, outputAudioTokens: 3, outputSeconds: 9 }), [
      "outputAudio",
    ]);
    assert.deepEqual(dimensions({ outputTokens: 3, outputImageTokens: 3, images: 1, pixels: 9 }), [
      "outputImage",
    ]);
    assert.deepEqual(dimensions({ images: 1, pixels: 9 }), ["images"]);
    // The first measure that has a rate is charged.
    assert.deepEqual(dimensions({ images: 1, pixels: 9 }, rates({ pixels: "1" })), ["pixels"]);
    assert.deepEqual(dimensions({ inputTokens: 3, inputCharacters: 9 }, rates({ inputCharacters: "1" })), [
      "inputCharacters",
    ]);
  });

  it("has a price if any amount has a rate, or if there is no amount", () => {
    assert.equal(bill(rates({ output: "1" }), { inputTokens: 1 }).priced, false);
    assert.equal(bill(rates({ output: "1" }), { inputTokens: 1, outputTokens: 1 }).priced, true);
    assert.equal(bill(rates({}), {}).priced, true);
    assert.equal(bill(rates({}), { requests: 5 }).priced, true);
    assert.equal(bill(rates({ requests: "1" }), { inputTokens: 1 }).priced, true);
  });

  it("names every amount without a rate, except the calls", () => {
    assert.deepEqual(
      billed(rates({ output: "1" }), { inputTokens: 4, outputTokens: 2, pages: 1, requests: 2 }),
      [[["output", 2, "1"]], ["input: no rate, not charged", "pages: no rate, not charged"]],
    );
  });

  it("adds exact products of a quantity and a price for several units", () => {
    const prices: ModelRates = {
      standard: { inputSeconds: { base: rate("0.1", 3600) }, requests: { base: rate("0.25") } },
    };
    const { usd, lines } = bill(prices, { inputSeconds: 1.5, requests: 2 });
    assert.deepEqual(lines, [
      {
        dimension: "inputSeconds",
        quantity: 1.5,
        rateUsd: "0.1",
        per: "3600 seconds",
        costUsd: "0.000041666666666666666666666666",
      },
      { dimension: "requests", quantity: 2, rateUsd: "0.25", per: "1 requests", costUsd: "0.5" },
    ]);
    assert.equal(usd.numerator * 24_000n, 12_001n * usd.denominator);
  });
});

describe("the quantity of a dimension", () => {
  const usage: Usage = {
    inputTokens: 100,
    cacheReadTokens: 40,
    cacheReadAudioTokens: 10,
    cacheReadImageTokens: 5,
    cacheWriteTokens: 8,
    cacheWrite1hTokens: 4,
    inputAudioTokens: 3,
    inputImageTokens: 2,
    outputTokens: 50,
    reasoningTokens: 20,
    outputAudioTokens: 7,
    outputImageTokens: 6,
  };
  const quantity = (dimension: Dimension, of: Usage = usage, prices: ModelRates = rates({})) =>
    quantityOf(dimension, of, prices);

  it("excludes the parts that have a dimension of their own", () => {
    assert.equal(quantity("input"), 100 - 40 - 8 - 4 - 3 - 2);
    assert.equal(quantity("output"), 50 - 20 - 7 - 6);
    assert.equal(quantity("cacheRead"), 40 - 10 - 5);
    assert.equal(quantity("reasoning"), 20);
  });

  it("is at least one call, and otherwise 0 if the usage does not give it", () => {
    assert.equal(quantity("requests", {}), 1);
    assert.equal(quantity("requests", { requests: 0 }), 1);
    assert.equal(quantity("requests", { requests: 3 }), 3);
    assert.equal(quantity("pages", {}), 0);
  });

  it("of input seconds is at least the model's minimum, unless nothing was sent", () => {
    const prices = rates({}, { inputSecondsMin: 10 });
    assert.equal(quantity("inputSeconds", { inputSeconds: 3 }, prices), 10);
    assert.equal(quantity("inputSeconds", { inputSeconds: 10.5 }, prices), 10.5);
    assert.equal(quantity("inputSeconds", {}, prices), 0);
    assert.equal(quantity("outputSeconds", { outputSeconds: 3 }, prices), 3);
    assert.equal(quantity("inputSeconds", { inputSeconds: 0.5 }), 0.5);
  });
});
