import { type Json } from "../json.ts";
import type { ServiceTier, Usage } from "../usage.ts";
import { type At, textOf } from "./fields.ts";

/** The model, usage and cost in a provider's response. */
export interface Reading {
  model: string | undefined;
  usage: Usage;
  /** The cost in USD that the provider reports, as a number or decimal text. Undefined if it reports none. */
  reportedCostUsd?: string | number | undefined;
}

/** One form of response. `recognizes` must be cheap and must not throw. `read` throws INVALID_FIELD. */
export interface Shape<Name extends string = string> {
  readonly name: Name;
  recognizes(response: Json): boolean;
  read(response: At): Reading;
}

const TIERS: ReadonlyMap<string, ServiceTier> = new Map([
  ["flex", "flex"],
  ["priority", "priority"],
  ["batch", "batch"],
  ["on_demand_flex", "flex"],
  ["on_demand_priority", "priority"],
]);

/**
 * The service tier for a provider's word. Unknown words and the usual ones (default, auto, on_demand) mean standard.
 */
export const tierOf = (word: unknown): ServiceTier =>
  TIERS.get(textOf(word)?.toLowerCase() ?? "") ?? "standard";

/**
 * Limits a part so that the parts do not overlap. A response may count a cached audio token as both; it counts as
 * cached.
 */
export const withoutOverlap = (part: number, others: number, total: number): number =>
  Math.max(0, Math.min(part, total - others));
