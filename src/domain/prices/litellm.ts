import { boundedMemo, type PriceLayer } from "./layer.ts";
import { BadEntry, entryRates, isObject, type Json } from "./litellm-entry.ts";
import { type KeyIndex, resolveKey } from "./litellm-names.ts";
import type { ModelRates } from "./rates.ts";

/** A price file in LiteLLM's format (model_prices_and_context_window.json), read. */
export interface PriceFile {
  readonly layer: PriceLayer;
  /** The models that the file lists, priced or not. */
  readonly models: ReadonlySet<string>;
  /** Models that were left out because a price of theirs is none, each with what is wrong. */
  readonly leftOut: readonly { readonly model: string; readonly why: string }[];
}

export type PriceFileVerdict = { ok: true; file: PriceFile } | { ok: false; why: string };

export const MODELS_MIN = 50;

/**
 * Reads a price file and decides whether it may take the place of the one in use: refused are a text that is no JSON
 * object, fewer than 50 models, and a file that lacks more than half of the models of the old one (which is what half a
 * download looks like). Pure; the reader of the file logs `why` and keeps the old one.
 */
export function acceptPriceFile(old: PriceFile | undefined, text: string): PriceFileVerdict {
  const entries = parseEntries(text);
  if (typeof entries === "string") return { ok: false, why: entries };
  if (entries.size < MODELS_MIN) {
    return { ok: false, why: `it has ${entries.size} models, fewer than ${MODELS_MIN}` };
  }
  const lost = [...(old?.models ?? [])].filter((model) => !entries.has(model)).length;
  if (old !== undefined && lost * 2 > old.models.size) {
    return { ok: false, why: `it lacks ${lost} of the ${old.models.size} models of the file in use` };
  }
  return { ok: true, file: readEntries(entries) };
}

/** The models of a file, without the entry that explains the format; or why there are none. */
function parseEntries(text: string): Map<string, Json> | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return `it is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (!isObject(json)) return "it is not a JSON object of models";
  const entries = Object.entries(json).filter((pair): pair is [string, Json] => isObject(pair[1]));
  return new Map(entries.filter(([model]) => model !== "sample_spec"));
}

function readEntries(entries: ReadonlyMap<string, Json>): PriceFile {
  const priced = new Map<string, ModelRates>();
  const leftOut: { model: string; why: string }[] = [];
  for (const [model, entry] of entries) {
    try {
      const rates = entryRates(entry);
      if (rates !== undefined) priced.set(model, rates);
    } catch (error) {
      if (!(error instanceof BadEntry)) throw error;
      leftOut.push({ model, why: error.message });
    }
  }
  return { layer: fileLayer(entries, priced), models: new Set(entries.keys()), leftOut };
}

function fileLayer(entries: ReadonlyMap<string, Json>, priced: ReadonlyMap<string, ModelRates>): PriceLayer {
  const pricedKeys = indexKeys(entries, (key) => priced.has(key));
  const allKeys = indexKeys(entries, () => true);
  const resolvePriced = boundedMemo(10_000, (model) => resolveKey(pricedKeys, model));
  const resolveAny = boundedMemo(10_000, (model) => resolveKey(allKeys, model));
  const names = [...priced.keys()];
  return {
    source: "file",
    names: () => names,
    find(model) {
      const resolved = resolvePriced(model);
      const rates = resolved && priced.get(resolved.key);
      return resolved && rates && { matchedModel: resolved.key, rates, assumed: resolved.assumed };
    },
    maxOutputTokens(model) {
      const entry = entries.get(resolveAny(model)?.key ?? "");
      // max_tokens is the older name, and for models without output it is the input.
      const tokens =
        entry?.["max_output_tokens"] ?? (entry?.["mode"] === "chat" ? entry["max_tokens"] : undefined);
      return typeof tokens === "number" && Number.isSafeInteger(tokens) && tokens > 0 ? tokens : undefined;
    },
  };
}

function indexKeys(entries: ReadonlyMap<string, Json>, includes: (key: string) => boolean): KeyIndex {
  const keys = new Map<string, { key: string; provider: string }>();
  const endings = new Map<string, string[]>();
  for (const [key, entry] of entries) {
    const lower = key.toLowerCase();
    if (!includes(key) || keys.has(lower)) continue;
    const provider = entry["litellm_provider"];
    keys.set(lower, { key, provider: typeof provider === "string" ? provider : "" });
    const ending = lower.slice(lower.indexOf("/") + 1);
    if (ending !== lower) endings.set(ending, [...(endings.get(ending) ?? []), key]);
  }
  return { keys, endings };
}
