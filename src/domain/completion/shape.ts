import { type Json } from "../json.ts";
import type { ServiceTier, Usage } from "../usage.ts";
import { type At, textOf } from "./fields.ts";

/** What a provider's response says of its cost. */
export interface Reading {
  model: string | undefined;
  usage: Usage;
  /** What the provider says the call cost in USD, as a number or decimal text, where it says so. */
  reportedCostUsd?: string | number | undefined;
}

/** One form of response. `recognizes` must be cheap and must not throw; `read` throws INVALID_FIELD. */
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

/** The tier of service in a provider's word. Names for the usual service (default, auto, on_demand) are standard. */
export const tierOf = (word: unknown): ServiceTier =>
  TIERS.get(textOf(word)?.toLowerCase() ?? "") ?? "standard";

/** Reports may count a cached audio token in both parts; parts must not overlap, so what is cached counts as cached. */
export const withoutOverlap = (part: number, others: number, total: number): number =>
  Math.max(0, Math.min(part, total - others));
