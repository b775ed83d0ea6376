import { calcPrice, type ModelInfo, type ModelPrice, type Provider } from "@pydantic/genai-prices";
import { fromNumber } from "../decimal.ts";
import { type Quote, ratesFrom } from "./quotes.ts";
import type { Dimension, ModelRates } from "./rates.ts";

/** The keys of genai-prices: the dimension that each key prices, and the number of units of its price. */
const KEYS: readonly (readonly [key: string, dimension: Dimension, per: number])[] = [
  ["input_mtok", "input", 1_000_000],
  ["output_mtok", "output", 1_000_000],
  ["cache_read_mtok", "cacheRead", 1_000_000],
  ["cache_audio_read_mtok", "cacheReadAudio", 1_000_000],
  ["cache_image_read_mtok", "cacheReadImage", 1_000_000],
  ["cache_write_mtok", "cacheWrite", 1_000_000],
  ["cache_write_5m_mtok", "cacheWrite", 1_000_000],
  ["cache_write_1h_mtok", "cacheWrite1h", 1_000_000],
  ["output_reasoning_mtok", "reasoning", 1_000_000],
  ["input_audio_mtok", "inputAudio", 1_000_000],
  ["output_audio_mtok", "outputAudio", 1_000_000],
  ["input_image_mtok", "inputImage", 1_000_000],
  ["output_image_mtok", "outputImage", 1_000_000],
  ["input_mchars", "inputCharacters", 1_000_000],
  ["output_mchars", "outputCharacters", 1_000_000],
  ["audio_hours", "inputSeconds", 3600],
  ["input_audio_hours", "inputSeconds", 3600],
  ["output_audio_hours", "outputSeconds", 3600],
  ["input_gpixels", "pixels", 1_000_000_000],
  ["output_gpixels", "pixels", 1_000_000_000],
  ["input_document_kpages", "pages", 1000],
  ["web_searches_kcount", "searchQueries", 1000],
  ["requests_kcount", "requests", 1000],
];

const fixedRates = new WeakMap<ModelInfo, ModelRates>();

/** The rates at an instant. Some prices change on a date or with the hour. */
export function ratesAt(provider: Provider, model: ModelInfo, at: Date): ModelRates {
  if (Array.isArray(model.prices)) return toRates(provider, model, pricesAt(provider, model, at));
  let rates = fixedRates.get(model);
  if (rates === undefined) fixedRates.set(model, (rates = toRates(provider, model, model.prices)));
  return rates;
}

function pricesAt(provider: Provider, model: ModelInfo, at: Date): ModelPrice {
  const only = { ...provider, models: [{ ...model, match: { starts_with: "" } }] };
  return calcPrice({}, model.id, { provider: only, timestamp: at })?.model_price ?? {};
}

const FREE: ModelPrice = { input_mtok: 0, output_mtok: 0 };

function toRates(provider: Provider, model: ModelInfo, prices: ModelPrice): ModelRates {
  // OpenRouter lists its ":free" variants without a price, and they are free. Other models without a price are unknown.
  const listed = model.id.endsWith(":free") && Object.keys(prices).length === 0 ? FREE : prices;
  const quotes = KEYS.flatMap(([key, dimension, per]) => quotesOf(listed[key], dimension, per));
  const minimum = provider.id === "groq" && model.id.startsWith("whisper-large-v3");
  return ratesFrom(quotes, { inputSecondsMin: minimum ? 10 : undefined });
}

function quotesOf(price: ModelPrice[string], dimension: Dimension, per: number): Quote[] {
  if (price === undefined) return [];
  const quote = (usd: number, aboveInputTokens: number): Quote => ({
    dimension,
    serviceTier: "standard",
    aboveInputTokens,
    rate: { usd: fromNumber(usd), per },
  });
  if (typeof price === "number") return [quote(price, 0)];
  return [quote(price.base, 0), ...price.tiers.map((tier) => quote(tier.price, tier.start))];
}
