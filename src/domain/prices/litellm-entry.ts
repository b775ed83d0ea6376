import { type Fraction, fromNumber, multiply, parseDecimal } from "../decimal.ts";
import { isObject, type Json, shown } from "../json.ts";
import { outOfBounds, USD_CHARACTERS_MAX } from "./bounds.ts";
import { createFieldReader } from "./litellm-fields.ts";
import { type Quote, ratesFrom } from "./quotes.ts";
import { type Dimension, type ModelRates, type Rate, unitOf } from "./rates.ts";

/**
 * An entry with an invalid price. The whole entry is left out, because a model with only some of its prices is priced
 * wrong.
 */
export class BadEntry extends Error {}

/** The entries of the published file have up to 60 fields. */
const FIELDS_MAX = 300;
const TIERS_MAX = 100;

const MILLION = 1_000_000;
const readField = createFieldReader();

/**
 * The rates of an entry of LiteLLM's price file, or undefined if it has none. Token rates are stored per million, the
 * unit in which providers publish them. Throws BadEntry.
 */
export function entryRates(entry: Json): ModelRates | undefined {
  const fields = Object.keys(entry).length;
  if (fields > FIELDS_MAX) throw new BadEntry(`it has ${fields} fields, more than ${FIELDS_MAX}`);
  const tiered = tieredQuotes(entry);
  const replaced = new Set(
    tiered.length === 0 ? [] : [...TIERED_WHOLE, ...tiered.map(({ dimension }) => dimension)],
  );
  const flat = flatQuotes(entry).filter(({ dimension }) => !replaced.has(dimension));
  const quotes = [...tiered, ...flat, ...searchQuotes(entry)];
  if (quotes.length === 0) return undefined;
  return ratesFrom(quotes, { notes: notesOf(entry) });
}

function flatQuotes(entry: Json): Quote[] {
  const ordered: { order: number; quote: Quote }[] = [];
  for (const [name, value] of Object.entries(entry)) {
    const field = readField(name, entry["mode"]);
    if (field === undefined || value === null) continue;
    if (!Number.isSafeInteger(field.aboveInputTokens)) {
      throw new BadEntry(`${cut(name)} has a length that is not an integer up to 2^53-1`);
    }
    const aboveInputTokens = threshold(entry, field.aboveInputTokens);
    const quote: Quote = { ...field, aboveInputTokens, rate: rateOf(field.dimension, value, name) };
    ordered.push({ order: field.order, quote });
  }
  return ordered.toSorted((a, b) => a.order - b.order).map(({ quote }) => quote);
}

/**
 * xAI bills a request that is exactly as long as a threshold at the higher rate. All other providers use the lower one.
 */
const threshold = (entry: Json, above: number): number =>
  above > 0 && entry["litellm_provider"] === "xai" ? above - 1 : above;

/** Dimensions that a tiered entry prices only by its tiers. Flat rates in the same entry are ignored. */
const TIERED_WHOLE: readonly Dimension[] = ["input", "cacheRead", "cacheWrite", "cacheWrite1h"];

/**
 * `tiered_pricing` is a list of {range: [start, end], rates}. The request's input tokens select one tier, which prices
 * the whole request. So each tier gets a rate for every dimension that any tier states: its own or one used instead.
 */
function tieredQuotes(entry: Json): Quote[] {
  const tiers = entry["tiered_pricing"];
  if (!Array.isArray(tiers)) return [];
  if (tiers.length > TIERS_MAX) {
    throw new BadEntry(`tiered_pricing has ${tiers.length} tiers, more than ${TIERS_MAX}`);
  }
  const read = tiers.filter(isObject).map((tier) => ({ above: startOf(tier), quotes: flatQuotes(tier) }));
  const stated = new Set(read.flatMap(({ quotes }) => quotes.map(({ dimension }) => dimension)));
  return read.flatMap(({ above, quotes }) =>
    [...stated].flatMap((dimension) => {
      const quote = inTier(quotes, dimension);
      return quote === undefined ? [] : [{ ...quote, dimension, aboveInputTokens: above }];
    }),
  );
}

function startOf(tier: Json): number {
  const [start] = Array.isArray(tier["range"]) ? tier["range"] : [];
  if (Number.isSafeInteger(start) && start >= 0) return start;
  throw new BadEntry("tiered_pricing has a tier without a range");
}

const TIER_STAND_INS: Partial<Record<Dimension, readonly Dimension[]>> = {
  cacheRead: ["input"],
  cacheWrite: ["input"],
  cacheWrite1h: ["cacheWrite", "input"],
  reasoning: ["output"],
};

function inTier(quotes: readonly Quote[], dimension: Dimension): Quote | undefined {
  for (const candidate of [dimension, ...(TIER_STAND_INS[dimension] ?? [])]) {
    const quote = quotes.find((other) => other.dimension === candidate);
    if (quote !== undefined) return quote;
  }
  return undefined;
}

const SEARCH = "search_context_cost_per_query";
const SEARCH_SIZES = ["search_context_size_medium", "search_context_size_low", "search_context_size_high"];

/**
 * The price of a search depends on the size of its context, which no response reports. Medium is the providers'
 * default.
 */
function searchQuotes(entry: Json): Quote[] {
  const [rate] = searchRates(entry);
  return rate === undefined
    ? []
    : [{ dimension: "searchQueries", serviceTier: "standard", aboveInputTokens: 0, rate }];
}

function searchRates(entry: Json): Rate[] {
  const prices = entry[SEARCH];
  if (prices === undefined || prices === null) return [];
  if (!isObject(prices)) return [rateOf("searchQueries", prices, SEARCH)];
  return SEARCH_SIZES.filter((size) => typeof prices[size] === "number").map((size) =>
    rateOf("searchQueries", prices[size], `${SEARCH}.${size}`),
  );
}

function notesOf(entry: Json): ModelRates["notes"] {
  const notes: Partial<Record<Dimension, string>> = {};
  const differ = new Set(searchRates(entry).map(({ usd }) => `${usd.numerator}/${usd.denominator}`)).size > 1;
  if (differ) notes.searchQueries = "searchQueries: at the rate of a medium search context";
  if (isObject(entry["off_peak_pricing"]))
    notes.input = "input: the model has off-peak rates, which are not applied";
  return notes;
}

/** Reads a price from a number, or from text, which handwritten files may contain. */
function rateOf(dimension: Dimension, value: unknown, name: string): Rate {
  const usd = usdOf(value);
  if (usd === undefined || usd.numerator < 0n) throw new BadEntry(`${cut(name)} is ${shown(value)}`);
  const why = outOfBounds(dimension, { usd, per: 1 });
  if (why !== undefined) throw new BadEntry(`${cut(name)} is ${shown(value)}, ${why}`);
  if (unitOf(dimension) !== "tokens") return { usd, per: 1 };
  return { usd: multiply(usd, fromNumber(MILLION)), per: MILLION };
}

function usdOf(value: unknown): Fraction | undefined {
  if (typeof value === "number" && Number.isFinite(value)) return fromNumber(value);
  return typeof value === "string" && value.length <= USD_CHARACTERS_MAX ? parseDecimal(value) : undefined;
}

const NAME_CHARACTERS_MAX = 100;

/** Shortens the name of a field for a message. */
const cut = (name: string): string =>
  name.length <= NAME_CHARACTERS_MAX ? name : `${name.slice(0, NAME_CHARACTERS_MAX).toWellFormed()}...`;
