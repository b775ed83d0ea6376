import {
  calcPrice,
  type ModelInfo,
  type ModelPrice,
  type Provider,
  waitForUpdate,
} from "@pydantic/genai-prices";
import { fromNumber } from "../decimal.ts";
import { indexProvider, type ProviderIndex } from "./genai-match.ts";
import { boundedMemo, type FoundModel, type PriceLayer } from "./layer.ts";
import { canonical, fineTunedBase, splitProvider, withDashedDate, withoutDate } from "./names.ts";
import { type Quote, ratesFrom } from "./quotes.ts";
import type { Dimension, ModelRates } from "./rates.ts";

/** What is written before a slash, as LiteLLM and gateways do, to the provider's id in genai-prices. */
const PROVIDERS: Readonly<Record<string, string>> = {
  azure_ai: "azure",
  azure_text: "azure",
  bedrock: "aws",
  bedrock_converse: "aws",
  amazon: "aws",
  "text-completion-openai": "openai",
  gemini: "google",
  vertex_ai: "google",
  vertex_ai_beta: "google",
  vertex: "google",
  cohere_chat: "cohere",
  together_ai: "together",
  "together-ai": "together",
  fireworks_ai: "fireworks",
  voyage: "voyageai",
  xai: "x-ai",
  moonshot: "moonshotai",
  github_copilot: "github-copilot",
};

/** Where a name without a provider is looked for, beside the providers whose own rule claims it: the makers. */
const MAKERS = [
  "openai",
  "anthropic",
  "google",
  "mistral",
  "deepseek",
  "x-ai",
  "cohere",
  "voyageai",
  "moonshotai",
  "aws",
];

/** genai-prices' keys, the dimension each prices and how many of its units the price is for. */
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

/** The prices that come with @pydantic/genai-prices, as they were when this module was loaded. */
const PROVIDER_INDEXES: ReadonlyMap<string, ProviderIndex> = new Map(
  ((await waitForUpdate()) ?? []).map((provider) => [provider.id, indexProvider(provider)]),
);

interface Resolved {
  readonly index: ProviderIndex;
  readonly model: ModelInfo;
  readonly assumed: readonly string[];
}

const resolve = boundedMemo(10_000, (name: string) => resolveName(canonical(name)));
const fixedRates = new WeakMap<ModelInfo, ModelRates>();

/** @pydantic/genai-prices as a layer. Its data and rules of matching, taken more strictly; none of its arithmetic. */
export const genaiLayer: PriceLayer = {
  source: "genai-prices",
  find(model, at) {
    const resolved = resolve(model);
    return resolved && foundModel(resolved, at);
  },
  names: () => (knownNames ??= listNames()),
};

let knownNames: readonly string[] | undefined;

/** A model that is listed without a price is not known here: another layer may know it. */
function foundModel({ index, model, assumed }: Resolved, at: Date): FoundModel | undefined {
  const rates = ratesAt(index.provider, model, at);
  if (Object.keys(rates.standard).length === 0) return undefined;
  return { matchedModel: `${index.provider.id}/${model.id}`, rates, assumed };
}

function resolveName(name: string): Resolved | undefined {
  const base = fineTunedBase(splitProvider(name)?.[1] ?? name);
  if (base !== undefined) return resolveFineTuned(base);
  const exact = lookUp(name);
  if (exact !== undefined) return exact;
  const undated = withoutDate(name);
  const family = undated === undefined ? undefined : lookUp(undated);
  return family && { ...family, assumed: [...family.assumed, `model: ${name} is priced as ${undated}`] };
}

/** A fine-tuned model costs more than its base, so it has its own price or none. */
function resolveFineTuned(base: string): Resolved | undefined {
  const openai = PROVIDER_INDEXES.get("openai");
  if (openai === undefined) return undefined;
  const dated = /-\d{4}-\d{2}-\d{2}$|-\d{4}$/.test(base);
  for (const guess of dated ? [base] : [base, ...snapshotsOf(openai, base)]) {
    const model = openai.find(`ft:${guess}`);
    if (model === undefined) continue;
    const assumed = guess === base ? [] : [`model: ft:${base} is priced as ft:${guess}`];
    return { index: openai, model, assumed };
  }
  return undefined;
}

const snapshotsOf = (index: ProviderIndex, base: string): string[] =>
  [...index.exact.keys()]
    .filter((name) => withoutDate(name) === base)
    .toSorted()
    .toReversed();

function lookUp(name: string): Resolved | undefined {
  const [prefix, rest] = splitProvider(name) ?? [];
  const index = prefix === undefined ? undefined : PROVIDER_INDEXES.get(PROVIDERS[prefix] ?? prefix);
  if (index !== undefined && rest !== undefined) return findAt(index, rest) ?? findAt(index, name);
  return lookUpBare(name) ?? lookUpUnique(name);
}

function findAt(index: ProviderIndex, name: string): Resolved | undefined {
  const own = withinProvider(index.provider.id, name);
  for (const form of own === undefined ? [] : [own, withDashedDate(own)]) {
    const model = index.find(form);
    if (model !== undefined) return { index, model, assumed: [] };
  }
  for (const id of own === undefined ? [] : (index.provider.fallback_model_providers ?? [])) {
    const maker = PROVIDER_INDEXES.get(id);
    const found = maker && findAt(maker, own ?? name);
    if (found) return { ...found, assumed: [`model: ${index.provider.id} is priced as ${id}`] };
  }
  return undefined;
}

const BEDROCK_ROUTE = /^(?:converse|converse_like|invoke|[a-z]{2}(?:-gov)?-[a-z]+-\d)\//;
const AZURE_PLACE = /^(?:global|global-standard)\//;
const HOSTED_PREFIX = /^gemini\//;

/** The name without what a gateway adds for a provider. A data zone of Azure costs more than list price: no match. */
function withinProvider(provider: string, name: string): string | undefined {
  if (provider === "aws") return canonical(name.replace(BEDROCK_ROUTE, "").replace(BEDROCK_ROUTE, ""));
  if (provider === "azure") return /^(?:eu|us)\//.test(name) ? undefined : name.replace(AZURE_PLACE, "");
  return provider === "google" ? canonical(name.replace(HOSTED_PREFIX, "")) : name;
}

function lookUpBare(name: string): Resolved | undefined {
  for (const id of MAKERS) {
    const index = PROVIDER_INDEXES.get(id);
    const found = index && findAt(index, name);
    if (found) return found;
  }
  return undefined;
}

/** A name that one single provider lists says its provider by itself; one that several list may have several prices. */
function lookUpUnique(name: string): Resolved | undefined {
  const owners = [...PROVIDER_INDEXES.values()].filter((index) => index.exact.has(name));
  const [index] = owners;
  const model = index?.exact.get(name);
  if (owners.length !== 1 || index === undefined || model === undefined) return undefined;
  return { index, model, assumed: [`model: only ${index.provider.id} lists ${name}`] };
}

/** The rates that hold at an instant: some prices change on a date, or with the hour. */
function ratesAt(provider: Provider, model: ModelInfo, at: Date): ModelRates {
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
  // OpenRouter's ":free" variants are listed without a price, and are free. Others so listed are just not known.
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

/** A maker's model by its plain name, a host's with the host before it. */
function listNames(): readonly string[] {
  const names = new Set<string>();
  for (const [id, index] of PROVIDER_INDEXES) {
    for (const name of index.exact.keys()) names.add(MAKERS.includes(id) ? name : `${id}/${name}`);
  }
  const now = new Date();
  return [...names].filter((name) => genaiLayer.find(name, now) !== undefined);
}
