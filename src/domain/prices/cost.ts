import { add, divideBy, type Fraction, fromNumber, multiply, toDecimalText, ZERO } from "../decimal.ts";
import {
  CACHE_READ_PARTS,
  INPUT_PARTS,
  OUTPUT_PARTS,
  type ServiceTier,
  sumOf,
  type Usage,
  type UsageNumber,
} from "../usage.ts";
import { DIMENSIONS, type Dimension, type ModelRates, type Rate, rateFor, unitOf } from "./rates.ts";

/** One line of a bill. */
export interface PriceLine {
  dimension: Dimension;
  /** In the unit of the dimension: tokens, seconds, images and so on. */
  quantity: number;
  /** Exact decimal text: the price of `per`. */
  rateUsd: string;
  /** For example "1000000 tokens". */
  per: string;
  /** Exact decimal text, cut after 30 decimals if the decimal form is infinite, as with a price per hour. */
  costUsd: string;
}

export interface Bill {
  /** Exact. */
  usd: Fraction;
  lines: PriceLine[];
  /** One sentence for each missing rate, with the rate used instead. */
  assumed: string[];
  /** False if the usage has amounts but none of them has a rate. The model then has no price for this use. */
  priced: boolean;
}

/** The usage field that each dimension prices. For a dimension in PARTS, the parts are subtracted from the field. */
const AMOUNTS = {
  input: "inputTokens",
  output: "outputTokens",
  cacheRead: "cacheReadTokens",
  cacheReadAudio: "cacheReadAudioTokens",
  cacheReadImage: "cacheReadImageTokens",
  cacheWrite: "cacheWriteTokens",
  cacheWrite1h: "cacheWrite1hTokens",
  reasoning: "reasoningTokens",
  inputAudio: "inputAudioTokens",
  outputAudio: "outputAudioTokens",
  inputImage: "inputImageTokens",
  outputImage: "outputImageTokens",
  inputCharacters: "inputCharacters",
  outputCharacters: "outputCharacters",
  inputSeconds: "inputSeconds",
  outputSeconds: "outputSeconds",
  images: "images",
  pixels: "pixels",
  pages: "pages",
  searchQueries: "searchQueries",
  requests: "requests",
} as const satisfies Record<Dimension, UsageNumber>;

const PARTS: Partial<Record<Dimension, readonly UsageNumber[]>> = {
  input: INPUT_PARTS,
  output: OUTPUT_PARTS,
  cacheRead: CACHE_READ_PARTS,
};

/** The dimensions whose rate is used if a source gives no rate. The order is LiteLLM's where LiteLLM defines one. */
const STAND_INS: Partial<Record<Dimension, readonly Dimension[]>> = {
  cacheRead: ["input"],
  cacheReadAudio: ["cacheRead", "inputAudio", "input"],
  cacheReadImage: ["cacheRead", "inputImage", "input"],
  cacheWrite: ["input"],
  cacheWrite1h: ["cacheWrite", "input"],
  inputAudio: ["input"],
  inputImage: ["input"],
  reasoning: ["output"],
  outputAudio: ["output"],
  outputImage: ["output"],
};

/** Other measures of the same amount. If a usage gives several, only the first one with a rate is charged. */
const SAME_THING: Partial<Record<Dimension, readonly Dimension[]>> = {
  inputCharacters: ["input"],
  outputCharacters: ["output"],
  inputSeconds: ["inputAudio"],
  outputSeconds: ["outputAudio"],
  images: ["outputImage"],
  pixels: ["images", "outputImage"],
};

const ONE_HALF: Fraction = { numerator: 1n, denominator: 2n };

/** Multiplies a usage by rates. Pure and exact: the caller that converts the sum to money rounds it. */
export function bill(rates: ModelRates, usage: Usage): Bill {
  const result: Bill = { usd: ZERO, lines: [], assumed: [], priced: false };
  let used = false;
  for (const dimension of DIMENSIONS) {
    const quantity = quantityOf(dimension, usage, rates);
    if (quantity === 0 || isCharged(result, SAME_THING[dimension])) continue;
    // Every usage has at least one request, so requests alone neither need a price nor make a model priced.
    used ||= dimension !== "requests";
    const found = findRate(rates, usage, dimension);
    if (found === undefined) {
      if (dimension !== "requests") result.assumed.push(`${dimension}: no rate, not charged`);
      continue;
    }
    result.priced = true;
    if (found.assumed !== undefined) result.assumed.push(found.assumed);
    addLine(result, dimension, quantity, found.rate);
  }
  result.priced ||= !used;
  return result;
}

const isCharged = (result: Bill, dimensions: readonly Dimension[] = []): boolean =>
  result.lines.some(({ dimension }) => dimensions.includes(dimension));

function addLine(result: Bill, dimension: Dimension, quantity: number, rate: Rate): void {
  const usd = divideBy(multiply(rate.usd, fromNumber(quantity)), BigInt(rate.per));
  result.usd = add(result.usd, usd);
  result.lines.push({
    dimension,
    quantity,
    rateUsd: rateText(rate),
    per: `${rate.per} ${unitOf(dimension)}`,
    costUsd: toDecimalText(usd),
  });
}

const rateTexts = new WeakMap<Rate, string>();

/** There are few rates and many bills, so the text of a rate is kept. */
function rateText(rate: Rate): string {
  let text = rateTexts.get(rate);
  if (text === undefined) rateTexts.set(rate, (text = toDecimalText(rate.usd)));
  return text;
}

/** The amount of a dimension in a usage. Parts are subtracted from their total, so nothing is counted twice. */
export function quantityOf(dimension: Dimension, usage: Usage, rates: ModelRates): number {
  const amount = usage[AMOUNTS[dimension]] ?? 0;
  // A usage covers at least one call.
  if (dimension === "requests") return amount === 0 ? 1 : amount;
  if (dimension === "inputSeconds" && amount > 0) return Math.max(amount, rates.inputSecondsMin ?? 0);
  const parts = PARTS[dimension];
  return parts === undefined ? amount : amount - sumOf(usage, parts);
}

interface FoundRate {
  rate: Rate;
  assumed?: string | undefined;
}

/** The rate of a dimension for this usage and its service tier: the dimension's own, or the one used instead. */
export function findRate(rates: ModelRates, usage: Usage, dimension: Dimension): FoundRate | undefined {
  for (const candidate of [dimension, ...(STAND_INS[dimension] ?? [])]) {
    const found = findTierRate(rates, usage, candidate);
    if (found === undefined) continue;
    if (candidate === dimension) return found;
    const assumed = `${dimension}: at the rate of ${candidate}`;
    return { rate: found.rate, assumed: found.assumed ? `${assumed}; ${found.assumed}` : assumed };
  }
  return undefined;
}

function findTierRate(rates: ModelRates, usage: Usage, dimension: Dimension): FoundRate | undefined {
  const inputTokens = usage.inputTokens ?? 0;
  const tier = usage.serviceTier ?? "standard";
  const standard = rateFor(rates.standard[dimension], inputTokens);
  const note = rates.notes?.[dimension];
  if (tier === "standard") return standard && { rate: standard.rate, assumed: note };
  const own = rateFor(rates[tier]?.[dimension], inputTokens);
  // If the standard rate has a step for requests this long and the tier's rate does not, the tier's rate does not
  // apply.
  if (own !== undefined && own.above >= (standard?.above ?? 0)) return { rate: own.rate, assumed: note };
  if (standard === undefined) return undefined;
  return withoutTierRate(dimension, tier, standard.rate);
}

/** Providers charge half for tokens in a batch, but not for searches or calls. Other tiers have no such rule. */
function withoutTierRate(dimension: Dimension, tier: ServiceTier, standard: Rate): FoundRate {
  if (tier !== "batch" || unitOf(dimension) !== "tokens") {
    return { rate: standard, assumed: `${dimension}: no ${tier} rate, standard rate` };
  }
  const half = { usd: multiply(standard.usd, ONE_HALF), per: standard.per };
  return { rate: half, assumed: `${dimension}: no batch rate, half of the standard rate` };
}
