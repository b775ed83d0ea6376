import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fromNumber, parseDecimal, roundHalfAwayFromZero, toDecimalText } from "../../src/domain/decimal.ts";
import {
  createPriceBook,
  DIMENSIONS,
  type Dimension,
  type ProjectRate,
  priceLayers,
} from "../../src/domain/prices.ts";
import type { Usage } from "../../src/domain/usage.ts";

/** A rate of up to 12 decimals, as an integer of 1e-12 USD and as text. */
const anyUsd = fc.bigInt({ min: 0n, max: 10n ** 14n }).map((pico) => {
  const digits = pico.toString().padStart(13, "0");
  return { pico, text: `${digits.slice(0, -12)}.${digits.slice(-12)}` };
});
const anyPer = fc.constantFrom(1, 1000, 3600, 1_000_000, 7);
const anyCount = fc.oneof(fc.nat(100), fc.nat(2_000_000));

/** For each dimension: an amount, a rate, and another rate for requests of more than `above` tokens. */
const anyCase = fc.record({
  above: fc.nat(3_000_000),
  amounts: fc.tuple(...DIMENSIONS.map(() => anyCount)),
  rates: fc.tuple(...DIMENSIONS.map(() => fc.record({ short: anyUsd, long: anyUsd, per: anyPer }))),
});

/** The usage that has exactly these amounts, totals included. */
function usageOf(amounts: readonly number[]): Usage {
  const of = (dimension: Dimension): number => amounts[DIMENSIONS.indexOf(dimension)] ?? 0;
  const cacheReadTokens = of("cacheRead") + of("cacheReadAudio") + of("cacheReadImage");
  return {
    inputTokens:
      of("input") +
      cacheReadTokens +
      of("cacheWrite") +
      of("cacheWrite1h") +
      of("inputAudio") +
      of("inputImage"),
    outputTokens: of("output") + of("reasoning") + of("outputAudio") + of("outputImage"),
    cacheReadTokens,
    cacheReadAudioTokens: of("cacheReadAudio"),
    cacheReadImageTokens: of("cacheReadImage"),
    cacheWriteTokens: of("cacheWrite"),
    cacheWrite1hTokens: of("cacheWrite1h"),
    reasoningTokens: of("reasoning"),
    inputAudioTokens: of("inputAudio"),
    outputAudioTokens: of("outputAudio"),
    inputImageTokens: of("inputImage"),
    outputImageTokens: of("outputImage"),
    searchQueries: of("searchQueries"),
    pages: of("pages"),
    requests: of("requests") + 1,
  };
}

/** Dimensions that can occur beside tokens of the same content; other combinations would measure the content twice. */
const BILLED = DIMENSIONS.filter((dimension) => !/Characters|Seconds|images|pixels/.test(dimension));

/** The model: whole numbers over the common denominator of all rates, rounded once. */
const COMMON = 7n * 3600n * 1_000_000n;
function expectedNanoUsd(
  amounts: readonly number[],
  picoFor: (index: number) => { pico: bigint; per: number },
): bigint {
  let sum = 0n;
  for (const dimension of BILLED) {
    const index = DIMENSIONS.indexOf(dimension);
    const { pico, per } = picoFor(index);
    const amount = (amounts[index] ?? 0) + (dimension === "requests" ? 1 : 0);
    sum += BigInt(amount) * pico * (COMMON / BigInt(per));
  }
  return (2n * sum + COMMON * 1000n) / (2n * COMMON * 1000n);
}

test("a cost is the exact sum of amounts times rates, rounded once", () => {
  fc.assert(
    fc.property(anyCase, ({ above, amounts, rates }) => {
      const usage = usageOf(amounts);
      const isLong = above > 0 && (usage.inputTokens ?? 0) > above;
      const projectRates = DIMENSIONS.flatMap((dimension, index): ProjectRate[] => {
        const rate = rates[index];
        if (rate === undefined) return [];
        const { short, long, per } = rate;
        const step = { dimension, usd: long.text, per, aboveInputTokens: above };
        return above === 0
          ? [{ dimension, usd: short.text, per }]
          : [{ dimension, usd: short.text, per }, step];
      });
      const project = { models: [{ model: "m", rates: projectRates }] };
      const expected = expectedNanoUsd(amounts, (index) => {
        const rate = rates[index];
        assert.ok(rate);
        return { pico: isLong ? rate.long.pico : rate.short.pico, per: rate.per };
      });
      assert.equal(createPriceBook(priceLayers({ project })).priceUsage("m", usage).costNanoUsd, expected);
    }),
    { numRuns: 500 },
  );
});

test("the affordable output fits what remains, and one token more does not", () => {
  const anyQuestion = fc.record({
    input: anyUsd,
    output: anyUsd,
    per: anyPer,
    tokens: anyCount,
    remaining: fc.bigInt(-5n, 10n ** 13n),
  });
  fc.assert(
    fc.property(anyQuestion, ({ input, output, per, tokens, remaining }) => {
      fc.pre(output.pico > 0n);
      const rates: ProjectRate[] = [
        { dimension: "input", usd: input.text, per },
        { dimension: "output", usd: output.text, per },
      ];
      const book = createPriceBook(priceLayers({ project: { models: [{ model: "m", rates }] } }));
      const cost = (outputTokens: number) =>
        book.priceUsage("m", { inputTokens: tokens, outputTokens }).costNanoUsd;
      const most = book.outputTokensAffordable("m", { inputTokens: tokens }, remaining);
      assert.ok(most !== undefined);
      if (most > 0) assert.ok(cost(most) <= remaining);
      if (most < Number.MAX_SAFE_INTEGER) assert.ok(cost(most + 1) > remaining);
    }),
    { numRuns: 500 },
  );
});

test("a number is converted to its shortest decimal and back without loss", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }), (value) => {
      assert.equal(Number(toDecimalText(fromNumber(value))), value === 0 ? 0 : value);
    }),
  );
});

test("decimal text is parsed without loss", () => {
  fc.assert(
    fc.property(fc.bigInt(), fc.bigInt(0n, 10n ** 30n), (whole, decimals) => {
      const tail = decimals.toString().replace(/0+$/, "");
      const text = tail === "" ? `${whole}` : `${whole}.${tail}`;
      const value = parseDecimal(text);
      assert.ok(value);
      assert.equal(toDecimalText(value), whole === 0n && tail === "" ? "0" : text);
    }),
  );
});

test("rounding takes the nearest integer, and a half away from zero", () => {
  fc.assert(
    fc.property(fc.bigInt(), fc.bigInt(1n, 10n ** 20n), (numerator, denominator) => {
      const rounded = roundHalfAwayFromZero({ numerator, denominator });
      const twiceOff = 2n * (rounded * denominator - numerator);
      const size = twiceOff < 0n ? -twiceOff : twiceOff;
      assert.ok(size <= denominator);
      if (size === denominator) assert.equal(rounded > 0n, numerator > 0n);
      // On a tie, the result is farther from zero than the value.
      if (size === denominator) assert.equal(twiceOff > 0n, numerator > 0n);
    }),
  );
  assert.equal(roundHalfAwayFromZero({ numerator: 5n, denominator: 2n }), 3n);
  assert.equal(roundHalfAwayFromZero({ numerator: -5n, denominator: 2n }), -3n);
});
