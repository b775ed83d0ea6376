import type { ServiceTier } from "../usage.ts";
import type { Dimension, ModelRates, Rate, RateTable, SteppedRate } from "./rates.ts";

/** One rate as a source states it. Every source is parsed into a list of quotes. */
export interface Quote {
  readonly dimension: Dimension;
  readonly serviceTier: ServiceTier;
  /** The rate applies to requests with more input tokens than this. 0 means every request. */
  readonly aboveInputTokens: number;
  readonly rate: Rate;
}

/** Sorts quotes into tables. If several quotes cover the same case, the first is used. */
export function ratesFrom(quotes: readonly Quote[], more: Omit<ModelRates, "standard"> = {}): ModelRates {
  const tables: Record<ServiceTier, RateTable> = { standard: {}, flex: {}, priority: {}, batch: {} };
  for (const quote of quotes) {
    const table = tables[quote.serviceTier];
    table[quote.dimension] = withQuote(table[quote.dimension] ?? {}, quote);
  }
  return { ...more, ...tables };
}

function withQuote(stepped: SteppedRate, { aboveInputTokens: above, rate }: Quote): SteppedRate {
  if (above === 0) return { ...stepped, base: stepped.base ?? rate };
  const steps = stepped.steps ?? [];
  if (steps.some((step) => step.above === above)) return stepped;
  return { ...stepped, steps: [...steps, { above, rate }].toSorted((a, b) => a.above - b.above) };
}
