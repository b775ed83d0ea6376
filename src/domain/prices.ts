import { type Fraction, multiply, roundHalfAwayFromZero } from "./decimal.ts";
import { Failure, invalidField } from "./errors.ts";
import { type Bill, bill, findRate, type PriceLine } from "./prices/cost.ts";
import { genaiLayer } from "./prices/genai.ts";
import type { FoundModel, PriceLayer, PriceSource } from "./prices/layer.ts";
import type { PriceFile } from "./prices/litellm.ts";
import { createNearest, mostAlike, type Nearest } from "./prices/nearest.ts";
import { defaultLayer, type ProjectPrices, projectLayer } from "./prices/project.ts";
import type { Usage } from "./usage.ts";

export type { PriceLine } from "./prices/cost.ts";
export type { PriceLayer, PriceSource } from "./prices/layer.ts";
export { acceptInSteps, acceptPriceFile, type PriceFile, type PriceFileVerdict } from "./prices/litellm.ts";
export {
  checkProjectRates,
  type ProjectPrice,
  type ProjectPrices,
  type ProjectRate,
} from "./prices/project.ts";
export { DIMENSIONS, type Dimension } from "./prices/rates.ts";

/** The cost of a usage, in enough detail to compute it again without the price book. */
export interface Priced {
  /** The sum of the lines in nano-USD, rounded once, half away from zero. 0 to 2^63-1. */
  costNanoUsd: bigint;
  /** The name of the model in the price source. */
  matchedModel: string;
  source: PriceSource;
  /** One line for each dimension that has both a rate and an amount. */
  lines: PriceLine[];
  /** The assumptions, one sentence each: loosely matched names, and rates used instead of missing ones. */
  assumed: string[];
}

/**
 * Prices in layers: the first layer that knows a model supplies all its rates. A book is pure and cheap to create, so
 * each project with its own prices gets its own book.
 */
export interface PriceBook {
  /**
   * Prices a usage that checkUsage accepts, at the rates of one instant. Some prices depend on the date or the hour;
   * the default is now. Throws a Failure: UNPRICED_MODEL if no layer knows the model or no amount in the usage has a
   * rate; INVALID_FIELD (field `usage`) if the cost is 2^63 nano-USD or more.
   */
  priceUsage(model: string, usage: Usage, at?: Date): Priced;
  /**
   * The largest number of output tokens for which prompt and output together cost at most `remainingNanoUsd`, priced as
   * by priceUsage. 0 if the prompt alone costs more, undefined if output is free. At most 2^53-1. Throws
   * UNPRICED_MODEL.
   */
  outputTokensAffordable(
    model: string,
    usageOfPrompt: Usage,
    remainingNanoUsd: bigint,
    at?: Date,
  ): number | undefined;
  /** The model's maximum of output tokens in one call. Undefined if no source gives it. */
  maxOutputTokens(model: string): number | undefined;
  /** The model's maximum of input and output tokens together in one call. Undefined if no source gives it. */
  contextTokens(model: string): number | undefined;
  /** Up to three known names that are similar to this one, the most similar first. */
  nearest(model: string): string[];
}

/** The price sources besides @pydantic/genai-prices. */
export interface PriceSources {
  project?: ProjectPrices | undefined;
  file?: PriceFile | undefined;
}

/** The layers in order: the project's own prices, the price file, genai-prices, the project's default price. */
export function priceLayers({ project, file }: PriceSources = {}): PriceLayer[] {
  const own = project === undefined || project.models.length === 0 ? [] : [projectLayer(project)];
  const listed = file === undefined ? [] : [file.layer];
  const last = project?.defaultRates === undefined ? [] : [defaultLayer(project.defaultRates)];
  return [...own, ...listed, genaiLayer, ...last];
}

const NANO_USD_PER_USD: Fraction = { numerator: 1_000_000_000n, denominator: 1n };
const COST_NANO_USD_MAX = 2n ** 63n - 1n;
const TOKENS_MAX = BigInt(Number.MAX_SAFE_INTEGER);

/** Creates a price book from layers in order of precedence. The default is @pydantic/genai-prices alone. */
export function createPriceBook(layers: readonly PriceLayer[] = priceLayers()): PriceBook {
  const find = (model: string, at: Date): FoundModel & { source: PriceSource } => {
    for (const layer of layers) {
      const found = layer.find(model, at);
      if (found) return { ...found, source: layer.source };
    }
    throw unpriced(model);
  };
  const unpriced = (model: string): Failure =>
    new Failure({ reason: "UNPRICED_MODEL", model, nearest: nearest(model) });
  const nearest = (model: string): string[] => {
    const alike = new Map(
      layers.flatMap((layer) => nearestOf(layer)(model, 3)).map((name) => [name.known, name]),
    );
    return mostAlike([...alike.values()], 3).map(({ known }) => known);
  };

  return {
    priceUsage(model, usage, at = new Date()) {
      const found = find(model, at);
      const total = bill(found.rates, usage);
      if (!total.priced) throw unpriced(model);
      return {
        costNanoUsd: toNanoUsd(total),
        matchedModel: found.matchedModel,
        source: found.source,
        lines: total.lines,
        assumed: [...found.assumed, ...total.assumed],
      };
    },
    outputTokensAffordable(model, usageOfPrompt, remainingNanoUsd, at = new Date()) {
      return affordable(find(model, at), usageOfPrompt, remainingNanoUsd);
    },
    maxOutputTokens: (model) => firstOf(layers, (layer) => layer.maxOutputTokens?.(model)),
    contextTokens: (model) => firstOf(layers, (layer) => layer.contextTokens?.(model)),
    nearest,
  };
}

function firstOf<T>(layers: readonly PriceLayer[], ask: (layer: PriceLayer) => T | undefined): T | undefined {
  for (const layer of layers) {
    const answer = ask(layer);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

const nearestByNames = new WeakMap<readonly string[], Nearest>();

function nearestOf(layer: PriceLayer): Nearest {
  const names = layer.names();
  let nearest = nearestByNames.get(names);
  if (nearest === undefined) nearestByNames.set(names, (nearest = createNearest(names)));
  return nearest;
}

function toNanoUsd(total: Bill): bigint {
  const nanoUsd = roundHalfAwayFromZero(multiply(total.usd, NANO_USD_PER_USD));
  if (nanoUsd > COST_NANO_USD_MAX) throw invalidField("usage", "costs more than 2^63-1 nano-USD");
  return nanoUsd;
}

/**
 * The number of output tokens does not change the price step of a request, so the cost is linear in it and the answer
 * is one division. The cost rounds to at most `remaining` if it is below remaining + 1/2.
 */
function affordable(found: FoundModel, prompt: Usage, remainingNanoUsd: bigint): number | undefined {
  const base = multiply(bill(found.rates, prompt).usd, NANO_USD_PER_USD);
  if (roundHalfAwayFromZero(base) > remainingNanoUsd) return 0;
  const rate = findRate(found.rates, prompt, "output")?.rate;
  if (rate === undefined || rate.usd.numerator === 0n) return undefined;
  const perToken = multiply(rate.usd, NANO_USD_PER_USD);
  // The largest n with base + n * perToken / per < remaining + 1/2, computed over one denominator.
  const room = (2n * remainingNanoUsd + 1n) * base.denominator - 2n * base.numerator;
  const numerator = room * perToken.denominator * BigInt(rate.per);
  const denominator = 2n * base.denominator * perToken.numerator;
  const tokens = (numerator - 1n) / denominator;
  return Number(tokens < TOKENS_MAX ? tokens : TOKENS_MAX);
}
