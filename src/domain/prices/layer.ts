import { LRUCache } from "lru-cache";
import type { ModelRates } from "./rates.ts";

export type PriceSource = "project" | "file" | "genai-prices";

/** What a layer knows of a model at one moment. */
export interface FoundModel {
  /** The name that the layer knows it by. */
  readonly matchedModel: string;
  readonly rates: ModelRates;
  /** What was taken for granted to get from the name asked for to the name matched. */
  readonly assumed: readonly string[];
}

/** One source of prices. A price book asks its layers in order, and the first that knows a model prices it. */
export interface PriceLayer {
  readonly source: PriceSource;
  find(model: string, at: Date): FoundModel | undefined;
  /** Names that `find` answers to, for suggestions. The same array every time. */
  names(): readonly string[];
  /** The most tokens that a model puts out in one call, where the source says so. */
  maxOutputTokens?(model: string): number | undefined;
  /** The most tokens that a model takes and gives together, where the source says so. */
  contextTokens?(model: string): number | undefined;
}

/** Remembers what it computed for the names asked for last: names come from callers, so there is no end to them. */
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
