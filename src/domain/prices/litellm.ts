import { isObject, type Json } from "../json.ts";
import { boundedMemo, type PriceLayer } from "./layer.ts";
import { BadEntry, entryRates } from "./litellm-entry.ts";
import { type KeyIndex, resolveKey } from "./litellm-names.ts";
import type { ModelRates } from "./rates.ts";

/** A parsed price file in LiteLLM's format (model_prices_and_context_window.json). */
export interface PriceFile {
  readonly layer: PriceLayer;
  /** All models in the file, with or without a price. */
  readonly models: ReadonlySet<string>;
  /** The models with a usable price. */
  readonly priced: ReadonlySet<string>;
  /** Models that were left out because of an invalid price, each with the reason. */
  readonly leftOut: readonly LeftOut[];
}

export interface LeftOut {
  readonly model: string;
  readonly why: string;
}

export type PriceFileVerdict = { ok: true; file: PriceFile } | { ok: false; why: string };

export const PRICED_MIN = 50;

/**
 * Parses a price file and decides whether it may replace the file in use. It is refused if it is not a JSON object, has
 * fewer than 50 models with a usable price, or has no usable price for more than half of the models that the old file
 * prices, as after a partial download. Pure. The caller logs `why` and keeps the old file.
 */
export function acceptPriceFile(old: PriceFile | undefined, text: string): PriceFileVerdict {
  const steps = acceptInSteps(old, text);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** acceptPriceFile in steps of well under a millisecond, for a thread that does other work between the steps. */
export function* acceptInSteps(
  old: PriceFile | undefined,
  text: string,
): Generator<undefined, PriceFileVerdict> {
  const entries = parseEntries(text);
  if (typeof entries === "string") return { ok: false, why: entries };
  yield;
  const { priced, leftOut } = yield* readEntries(entries);
  if (priced.size < PRICED_MIN) {
    const why = `it has ${priced.size} models with a usable price, fewer than ${PRICED_MIN}`;
    return { ok: false, why: why + examples(leftOut) };
  }
  const before = old?.priced ?? new Set();
  let lost = 0;
  for (const model of before) if (!priced.has(model)) lost++;
  if (lost * 2 > before.size) {
    const why = `it lacks ${lost} of the ${before.size} priced models of the file in use`;
    return { ok: false, why: why + examples(leftOut) };
  }
  const layer = yield* fileLayer(entries, priced);
  return {
    ok: true,
    file: { layer, models: new Set(entries.keys()), priced: new Set(priced.keys()), leftOut },
  };
}

const EXAMPLES_MAX = 3;
const NAME_CHARACTERS_MAX = 100;

function examples(leftOut: readonly LeftOut[]): string {
  if (leftOut.length === 0) return "";
  const shown = leftOut
    .slice(0, EXAMPLES_MAX)
    .map(({ model, why }) => `${JSON.stringify(model.slice(0, NAME_CHARACTERS_MAX))}: ${why}`);
  const others = leftOut.length - shown.length;
  return `; left out: ${shown.join("; ")}${others === 0 ? "" : `; and ${others} more`}`;
}

/** The models of a file, without the entry that documents the format. Returns the reason if the text is invalid. */
function parseEntries(text: string): Map<string, Json> | string {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    return `it is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (!isObject(json)) return "it is not a JSON object of models";
  const entries = Object.entries(json).filter((pair): pair is [string, Json] => isObject(pair[1]));
  return new Map(entries.filter(([model]) => model !== "sample_spec"));
}

/** Matches an exponent that may make a number too small for a float. */
const SMALL_EXPONENT = /\d[eE]-\d{3}/;

/** JSON.parse reads 1e-400 as 0, which is a valid price. Such a number is kept as text, so that it is refused. */
function parseJson(text: string): unknown {
  if (!SMALL_EXPONENT.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_, value: unknown, context?: { source?: string }) =>
    value === 0 && /^[-+.0]*[1-9]/.test(context?.source ?? "") ? context?.source : value,
  );
}

interface Read {
  readonly priced: ReadonlyMap<string, ModelRates>;
  readonly leftOut: readonly LeftOut[];
}

function* readEntries(entries: ReadonlyMap<string, Json>): Generator<undefined, Read> {
  const priced = new Map<string, ModelRates>();
  const leftOut: LeftOut[] = [];
  for (const [model, entry] of entries) {
    try {
      const rates = entryRates(entry);
      if (rates !== undefined) priced.set(model, rates);
    } catch (error) {
      if (!(error instanceof BadEntry)) throw error;
      leftOut.push({ model, why: error.message });
    }
    yield;
  }
  return { priced, leftOut };
}

function* fileLayer(
  entries: ReadonlyMap<string, Json>,
  priced: ReadonlyMap<string, ModelRates>,
): Generator<undefined, PriceLayer> {
  const pricedKeys = yield* indexKeys(entries, (key) => priced.has(key));
  const allKeys = yield* indexKeys(entries, () => true);
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
      // max_tokens is the older name. For models other than chat it may be the maximum of the input.
      const tokens =
        entry?.["max_output_tokens"] ?? (entry?.["mode"] === "chat" ? entry["max_tokens"] : undefined);
      return typeof tokens === "number" && Number.isSafeInteger(tokens) && tokens > 0 ? tokens : undefined;
    },
  };
}

function* indexKeys(
  entries: ReadonlyMap<string, Json>,
  includes: (key: string) => boolean,
): Generator<undefined, KeyIndex> {
  const keys = new Map<string, { key: string; provider: string }>();
  const endings = new Map<string, string[]>();
  for (const [key, entry] of entries) {
    yield;
    const lower = key.toLowerCase();
    if (!includes(key) || keys.has(lower)) continue;
    const provider = entry["litellm_provider"];
    keys.set(lower, { key, provider: typeof provider === "string" ? provider : "" });
    const ending = lower.slice(lower.indexOf("/") + 1);
    if (ending === lower) continue;
    const others = endings.get(ending);
    if (others === undefined) endings.set(ending, [key]);
    else others.push(key);
  }
  return { keys, endings };
}
