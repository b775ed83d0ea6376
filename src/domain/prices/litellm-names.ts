import {
  canonical,
  fineTunedBase,
  regionAssumed,
  splitBedrock,
  splitProvider,
  withDashedDate,
  withoutDate,
} from "./names.ts";
import { fileProviders } from "./providers.ts";

interface Key {
  /** As written in the file. */
  readonly key: string;
  /** The provider named in the entry. */
  readonly provider: string;
}

/** The keys of a price file, indexed by their lower-case form. */
export interface KeyIndex {
  readonly keys: ReadonlyMap<string, Key>;
  /** Maps the text after the first slash of a key to all keys with that ending. */
  readonly endings: ReadonlyMap<string, readonly string[]>;
}

export interface ResolvedKey {
  readonly key: string;
  readonly assumed: readonly string[];
}

/** Prefixes tried for a bare name, as in a response, if the file has no such key. */
const MAKER_PREFIXES = [
  "openai",
  "anthropic",
  "gemini",
  "mistral",
  "deepseek",
  "xai",
  "cohere",
  "voyage",
  "moonshot",
];

const BEDROCK_PROFILE = /^(?:us|eu|apac|au|jp|ca|global)\./;

/**
 * Finds the entry for a model name. In order: the key itself; the key without the provider prefix, if the entry has
 * that provider; for a bare name, a maker's key, then the only key with that ending; for a dated snapshot that the file
 * does not list, the undated name. A fine-tuned model is found only by a key for its fine-tuned base.
 */
export function resolveKey(index: KeyIndex, model: string): ResolvedKey | undefined {
  const name = canonical(model);
  const base = fineTunedBase(splitProvider(name)?.[1] ?? name);
  if (base !== undefined) return resolveFineTuned(index, base);
  for (const form of new Set([name, withDashedDate(name)])) {
    const found = lookUp(index, form);
    if (found !== undefined) return found;
  }
  const undated = withoutDate(name);
  const found = undated === undefined ? undefined : lookUp(index, undated);
  return found && { ...found, assumed: [...found.assumed, `model: ${name} is priced as ${found.key}`] };
}

function lookUp(index: KeyIndex, name: string): ResolvedKey | undefined {
  const { keys, endings } = index;
  const exact = keys.get(name);
  if (exact !== undefined) return { key: exact.key, assumed: [] };
  const [provider, rest] = splitProvider(name) ?? [];
  if (provider !== undefined && rest !== undefined) return lookUpAt(index, provider, rest);
  for (const maker of MAKER_PREFIXES) {
    const found = keys.get(`${maker}/${name}`);
    if (found !== undefined) return { key: found.key, assumed: [] };
  }
  const [only, ...others] = endings.get(name) ?? [];
  if (only !== undefined && others.length === 0)
    return { key: only, assumed: [`model: ${name} is priced as ${only}`] };
  return lookUpRegion(name, (own) => keys.get(own));
}

function lookUpAt({ keys }: KeyIndex, provider: string, rest: string): ResolvedKey | undefined {
  for (const vendor of fileProviders(provider)) {
    const ofVendor = (name: string): Key | undefined => {
      const found = keys.get(`${vendor}/${name}`) ?? keys.get(name);
      return found !== undefined && sameVendor(found.provider, vendor) ? found : undefined;
    };
    if (vendor.startsWith("bedrock")) return lookUpBedrock(rest, ofVendor);
    const found = ofVendor(rest);
    if (found !== undefined) return { key: found.key, assumed: [] };
  }
  return undefined;
}

function lookUpBedrock(name: string, find: (name: string) => Key | undefined): ResolvedKey | undefined {
  const { model, region } = splitBedrock(name);
  const inRegion = region === undefined ? undefined : find(`${region}/${model}`);
  if (inRegion !== undefined) return { key: inRegion.key, assumed: [] };
  const exact = find(model);
  const found = exact === undefined ? lookUpRegion(model, find) : { key: exact.key, assumed: [] };
  if (found === undefined || region === undefined) return found;
  return { ...found, assumed: [...found.assumed, regionAssumed(name, region)] };
}

/** Amazon serves a model through regions. If the file has no price for the region, the model's own price is used. */
function lookUpRegion(name: string, find: (name: string) => Key | undefined): ResolvedKey | undefined {
  if (!BEDROCK_PROFILE.test(name)) return undefined;
  const found = find(name.replace(BEDROCK_PROFILE, ""));
  return found && { key: found.key, assumed: [`model: ${name} is priced as ${found.key}`] };
}

/** Whether two provider names belong to one vendor, such as bedrock and bedrock_converse, or cohere and cohere_chat. */
const sameVendor = (listed: string, asked: string): boolean =>
  vendorOf(listed) === vendorOf(asked) ||
  (vendorOf(listed) === "text-completion-openai" && asked === "openai");

const vendorOf = (provider: string): string =>
  /^(vertex_ai|bedrock|cohere|azure_ai|azure|amazon)(?:[_-].*)?$/.exec(provider)?.[1] ?? provider;

/** A fine-tuned model is never priced as its base. Files list it under a dated base; the newest date is used. */
function resolveFineTuned({ keys }: KeyIndex, base: string): ResolvedKey | undefined {
  const exact = keys.get(`ft:${base}`);
  if (exact !== undefined) return { key: exact.key, assumed: [] };
  const snapshots = [...keys.keys()].filter((key) => withoutDate(key) === `ft:${base}`);
  const newest = snapshots.toSorted().at(-1);
  return newest === undefined
    ? undefined
    : { key: newest, assumed: [`model: ft:${base} is priced as ${newest}`] };
}
