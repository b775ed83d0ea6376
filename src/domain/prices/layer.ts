import { LRUCache } from "lru-cache";
import type { ModelRates } from "./rates.ts";

export type PriceSource = "project" | "file" | "genai-prices";

/** A model that a layer found, with its rates at one moment. */
export interface FoundModel {
  /** The name of the model in the layer. */
  readonly matchedModel: string;
  readonly rates: ModelRates;
  /** The assumptions made to get from the requested name to the matched name. */
  readonly assumed: readonly string[];
}

/** One source of prices. A price book asks its layers in order, and the first layer that knows a model prices it. */
export interface PriceLayer {
  readonly source: PriceSource;
  find(model: string, at: Date): FoundModel | undefined;
  /** Names that `find` accepts, for suggestions. Returns the same array on every call. */
  names(): readonly string[];
  /** The model's maximum of output tokens in one call. Undefined if the source does not give it. */
  maxOutputTokens?(model: string): number | undefined;
  /** The model's maximum of input and output tokens together. Undefined if the source does not give it. */
  contextTokens?(model: string): number | undefined;
}

/** Keeps the results for the most recently used names. Names come from callers, so their number must be bounded. */
export function boundedMemo<Value>(
  entriesMax: number,
  compute: (key: string) => Value,
): (key: string) => Value {
  const memo = new LRUCache<string, { value: Value }>({ max: entriesMax });
  return (key) => {
    let known = memo.get(key);
    if (known === undefined) memo.set(key, (known = { value: compute(key) }));
    return known.value;
  };
}
