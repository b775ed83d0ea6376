import { type ModelInfo, waitForUpdate } from "@pydantic/genai-prices";
import { indexProvider, type ProviderIndex } from "./genai-match.ts";
import { ratesAt } from "./genai-rates.ts";
import { boundedMemo, type FoundModel, type PriceLayer } from "./layer.ts";
import {
  canonical,
  fineTunedBase,
  regionAssumed,
  splitBedrock,
  splitProvider,
  withDashedDate,
  withoutDate,
} from "./names.ts";
import { genaiProvider } from "./providers.ts";

/** The makers of models. A name without a provider is looked up with these providers first. */
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

/** The prices of @pydantic/genai-prices, as they were when this module was loaded. */
const PROVIDER_INDEXES: ReadonlyMap<string, ProviderIndex> = new Map(
  ((await waitForUpdate()) ?? []).map((provider) => [provider.id, indexProvider(provider)]),
);

interface Resolved {
  readonly index: ProviderIndex;
  readonly model: ModelInfo;
  readonly assumed: readonly string[];
}

const resolve = boundedMemo(10_000, (name: string) => resolveName(canonical(name)));
/**
 * @pydantic/genai-prices as a layer. Uses its data and its match rules, applied more strictly, but not its arithmetic.
 */
export const genaiLayer: PriceLayer = {
  source: "genai-prices",
  find(model, at) {
    const resolved = resolve(model);
    return resolved && foundModel(resolved, at);
  },
  names: () => (knownNames ??= listNames()),
  contextTokens: (model) => resolve(model)?.model.context_window,
};

let knownNames: readonly string[] | undefined;

/** A model listed without a price is treated as unknown, because another layer may have its price. */
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

/** A fine-tuned model costs more than its base, so the price of the base is never used for it. */
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
  const index = prefix === undefined ? undefined : PROVIDER_INDEXES.get(genaiProvider(prefix));
  if (index !== undefined && rest !== undefined) return findAt(index, rest) ?? findAt(index, name);
  return lookUpBare(name) ?? lookUpUnique(name);
}

function findAt(index: ProviderIndex, name: string): Resolved | undefined {
  const { own, assumed } = withinProvider(index.provider.id, name);
  for (const form of own === undefined ? [] : formsOf(index.provider.id, own)) {
    const model = index.find(form);
    if (model !== undefined) return { index, model, assumed };
  }
  for (const id of own === undefined ? [] : (index.provider.fallback_model_providers ?? [])) {
    const maker = PROVIDER_INDEXES.get(id);
    const found = maker && findAt(maker, own ?? name);
    if (found) return { ...found, assumed: [`model: ${index.provider.id} is priced as ${id}`] };
  }
  return undefined;
}

/** The spellings of a name that rules may expect: another form of the date and, for Amazon's older models, no maker. */
const formsOf = (provider: string, name: string): string[] => [
  name,
  withDashedDate(name),
  ...(provider === "aws" ? [name.replace(/^([a-z]{2,6}\.)?anthropic\./, "$1")] : []),
];

const AZURE_PLACE = /^(?:global|global-standard)\//;
const HOSTED_PREFIX = /^gemini\//;

/** The name without a gateway's prefix. Azure's data zones cost more than the list price, so they match nothing. */
function withinProvider(provider: string, name: string): { own: string | undefined; assumed: string[] } {
  if (provider === "aws") {
    const { model, region } = splitBedrock(name);
    return { own: model, assumed: region === undefined ? [] : [regionAssumed(name, region)] };
  }
  if (provider === "azure") {
    return { own: /^(?:eu|us)\//.test(name) ? undefined : name.replace(AZURE_PLACE, ""), assumed: [] };
  }
  return { own: provider === "google" ? canonical(name.replace(HOSTED_PREFIX, "")) : name, assumed: [] };
}

function lookUpBare(name: string): Resolved | undefined {
  for (const id of MAKERS) {
    const index = PROVIDER_INDEXES.get(id);
    const found = index && findAt(index, name);
    if (found) return found;
  }
  return undefined;
}

/**
 * Finds a name that exactly one provider lists. If several providers list it, their prices may differ, so none is used.
 */
function lookUpUnique(name: string): Resolved | undefined {
  const owners = [...PROVIDER_INDEXES.values()].filter((index) => index.exact.has(name));
  const [index] = owners;
  const model = index?.exact.get(name);
  if (owners.length !== 1 || index === undefined || model === undefined) return undefined;
  return { index, model, assumed: [`model: only ${index.provider.id} lists ${name}`] };
}

/** The names of all priced models: the plain name for a maker's model, "host/name" for a host's model. */
function listNames(): readonly string[] {
  const names = new Set<string>();
  for (const [id, index] of PROVIDER_INDEXES) {
    for (const [name, model] of index.exact) {
      if (hasPrice(model)) names.add(MAKERS.includes(id) ? name : `${id}/${name}`);
    }
  }
  return [...names];
}

const hasPrice = ({ id, prices }: ModelInfo): boolean =>
  id.endsWith(":free") || Object.keys(prices).length > 0;
