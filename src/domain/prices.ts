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

/** What a usage costs, and why. Enough to compute the cost again without the price book. */
export interface Priced {
  /** The sum of the lines in nano-USD, rounded once, half away from zero. 0 to 2^63-1. */
  costNanoUsd: bigint;
  /** The name under which the source knows the model. */
  matchedModel: string;
  source: PriceSource;
  /** One for each dimension with a rate and an amount. */
  lines: PriceLine[];
  /** What was taken for granted, one sentence each: names matched loosely, rates that stood in for missing ones. */
  assumed: string[];
}

/**
 * Prices in layers: the first layer that knows a model prices it, alone. Pure; a book is cheap to make, so a project
 * with prices of its own gets its own book.
 */
export interface PriceBook {
  /**
   * Prices a usage that checkUsage accepts, at the rates of an instant (now when absent; some prices change with the
   * date or the hour). Throws a Failure: UNPRICED_MODEL where no layer knows the model, or none of what was used has a
   * rate; INVALID_FIELD (field `usage`) where the cost is 2^63 nano-USD or more.
   */
  priceUsage(model: string, usage: Usage, at?: Date): Priced;
  /**
   * The most output tokens for which the prompt and the output together cost at most `remainingNanoUsd`, as priceUsage
   * prices them; 0 when not even the prompt fits, undefined when output is free. At most 2^53-1. Throws UNPRICED_MODEL.
   */
  outputTokensAffordable(
    model: string,
    usageOfPrompt: Usage,
    remainingNanoUsd: bigint,
    at?: Date,
  ): number | undefined;
  /** The most tokens that the model puts out in one call, where a source says so. */
  maxOutputTokens(model: string): number | undefined;
  /** The most tokens that the model takes and gives in one call together, where a source says so. */
  contextTokens(model: string): number | undefined;
  /** Up to three known names that look like this one, the most alike first. */
  nearest(model: string): string[];
}

/** Where prices come from, beside @pydantic/genai-prices. */
export interface PriceSources {
  project?: ProjectPrices | undefined;
  file?: PriceFile | undefined;
}

/** The layers in their order: a project's own prices, the price file, genai-prices, a project's default price. */
export function priceLayers({ project, file }: PriceSources = {}): PriceLayer[] {
  const own = project === undefined || project.models.length === 0 ? [] : [projectLayer(project)];
  const listed = file === undefined ? [] : [file.layer];
  const last = project?.defaultRates === undefined ? [] : [defaultLayer(project.defaultRates)];
  return [...own, ...listed, genaiLayer, ...last];
}

const NANO_USD_PER_USD: Fraction = { numerator: 1_000_000_000n, denominator: 1n };
const COST_NANO_USD_MAX = 2n ** 63n - 1n;
const TOKENS_MAX = BigInt(Number.MAX_SAFE_INTEGER);

/** A price book of these layers, asked in order; of @pydantic/genai-prices alone when none are given. */
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
 * Output does not move a request to another tier of length, so its cost is a line and the answer a division: the cost
 * rounds to at most `remaining` when it is below remaining + 1/2.
 */
function affordable(found: FoundModel, prompt: Usage, remainingNanoUsd: bigint): number | undefined {
  const base = multiply(bill(found.rates, prompt).usd, NANO_USD_PER_USD);
  if (roundHalfAwayFromZero(base) > remainingNanoUsd) return 0;
  const rate = findRate(found.rates, prompt, "output")?.rate;
  if (rate === undefined || rate.usd.numerator === 0n) return undefined;
  const perToken = multiply(rate.usd, NANO_USD_PER_USD);
  // Largest n with base + n * perToken / per < remaining + 1/2, all of it over one denominator.
  const room = (2n * remainingNanoUsd + 1n) * base.denominator - 2n * base.numerator;
  const numerator = room * perToken.denominator * BigInt(rate.per);
  const denominator = 2n * base.denominator * perToken.numerator;
  const tokens = (numerator - 1n) / denominator;
  return Number(tokens < TOKENS_MAX ? tokens : TOKENS_MAX);
}
