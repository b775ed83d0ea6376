import { parseDecimal } from "../decimal.ts";
import { type BudgetError, invalidField } from "../errors.ts";
import { SERVICE_TIERS, type ServiceTier } from "../usage.ts";
import { outOfBounds, USD_CHARACTERS_MAX } from "./bounds.ts";
import type { PriceLayer } from "./layer.ts";
import { type Quote, ratesFrom } from "./quotes.ts";
import { type Dimension, isDimension, type ModelRates } from "./rates.ts";

/**
 * A rate that a project sets: `usd` for every `per` units of a dimension, for example "0.15" per 1000000 input tokens.
 */
export interface ProjectRate {
  dimension: Dimension;
  /** Decimal text, up to 40 characters. The price of one unit is 0, or from 1e-18 up to the maximum in bounds.ts. */
  usd: string;
  /** An integer from 1 to 1,000,000,000,000. */
  per: number;
  /** Absent means standard. */
  serviceTier?: ServiceTier | undefined;
  /**
   * The rate applies to requests with more input tokens than this, to all their units. Absent or 0 means every request.
   */
  aboveInputTokens?: number | undefined;
}

export interface ProjectPrice {
  /** The model's name as callers send it. It matches exactly, except for case: no prefix and no version is removed. */
  model: string;
  rates: readonly ProjectRate[];
}

/** All prices of one project. */
export interface ProjectPrices {
  models: readonly ProjectPrice[];
  /** The rates of a model that no source knows. If absent, such a model is UNPRICED_MODEL. */
  defaultRates?: readonly ProjectRate[] | undefined;
}

const PER_MAX = 1_000_000_000_000;

/** Returns the first error in rates from a request, or undefined. The error's field is for example `rates[2].usd`. */
export function checkProjectRates(rates: readonly ProjectRate[], field: string): BudgetError | undefined {
  if (rates.length === 0) return invalidField(field, "must have at least one rate").error;
  const seen = new Set<string>();
  for (const [index, rate] of rates.entries()) {
    const problem = problemOf(rate) ?? repeated(seen, rate);
    if (problem !== undefined) return invalidField(`${field}[${index}].${problem[0]}`, problem[1]).error;
  }
  return undefined;
}

type Problem = readonly [field: string, description: string];

function problemOf(rate: ProjectRate): Problem | undefined {
  if (!isDimension(rate.dimension)) return ["dimension", "is not a dimension"];
  const usd = rate.usd.length > USD_CHARACTERS_MAX ? undefined : parseDecimal(rate.usd);
  if (usd === undefined || usd.numerator < 0n) {
    return ["usd", `must be decimal text of at least 0, up to ${USD_CHARACTERS_MAX} characters`];
  }
  if (!Number.isSafeInteger(rate.per) || rate.per < 1 || rate.per > PER_MAX) {
    return ["per", `must be an integer from 1 to ${PER_MAX}`];
  }
  const why = outOfBounds(rate.dimension, { usd, per: rate.per });
  if (why !== undefined) return ["usd", `is ${why}`];
  if (!SERVICE_TIERS.includes(tierOf(rate)))
    return ["service_tier", `must be one of ${SERVICE_TIERS.join(", ")}`];
  const above = rate.aboveInputTokens ?? 0;
  if (!Number.isSafeInteger(above) || above < 0)
    return ["above_input_tokens", "must be an integer from 0 to 2^53-1"];
  return undefined;
}

function repeated(seen: Set<string>, rate: ProjectRate): Problem | undefined {
  const key = `${rate.dimension} ${tierOf(rate)} ${rate.aboveInputTokens ?? 0}`;
  if (seen.has(key)) return ["dimension", "has a rate for this tier and length already"];
  seen.add(key);
  return undefined;
}

const tierOf = (rate: ProjectRate): ServiceTier => rate.serviceTier ?? "standard";

/** The prices of a project as the first layer of its book. Rates must have passed checkProjectRates. */
export function projectLayer(prices: ProjectPrices): PriceLayer {
  const models = new Map(prices.models.map((price) => [keyOf(price.model), price]));
  const names = prices.models.map(({ model }) => model);
  return {
    source: "project",
    names: () => names,
    find(model) {
      const price = models.get(keyOf(model));
      return price && { matchedModel: price.model, rates: toRates(price.rates), assumed: [] };
    },
  };
}

/** A project's default price as the last layer of its book: it knows every model. */
export function defaultLayer(rates: readonly ProjectRate[]): PriceLayer {
  return {
    source: "project",
    names: () => [],
    find: (model) => ({
      matchedModel: "default",
      rates: toRates(rates),
      assumed: [`model: no price is known for ${model}, so the project's default price is used`],
    }),
  };
}

const keyOf = (model: string): string => model.trim().toLowerCase();

function toRates(rates: readonly ProjectRate[]): ModelRates {
  return ratesFrom(
    rates.map((rate): Quote => {
      const usd = parseDecimal(rate.usd);
      if (usd === undefined) throw new TypeError(`${rate.usd} is not a price; call checkProjectRates first`);
      const { dimension, per, aboveInputTokens = 0 } = rate;
      return { dimension, serviceTier: tierOf(rate), aboveInputTokens, rate: { usd, per } };
    }),
  );
}
