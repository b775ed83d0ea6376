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
  /** As the file writes it. */
  readonly key: string;
  /** The provider that the entry names. */
  readonly provider: string;
}

/** The keys of a price file, to be looked up in lower case. */
export interface KeyIndex {
  readonly keys: ReadonlyMap<string, Key>;
  /** What follows the first slash of a key, to all keys that end so. */
  readonly endings: ReadonlyMap<string, readonly string[]>;
}

export interface ResolvedKey {
  readonly key: string;
  readonly assumed: readonly string[];
}

/** Where a bare name, such as a response gives, is looked for when the file has no such key. */
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
 * Finds the entry for a name as people write it: the key itself; the key without the provider in front, where the entry
 * is that provider's; the key of a maker, or the only key that ends so, for a bare name; a fine-tuned model by its base;
 * a dated snapshot that the file does not list, by its undated name.
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
  for (const house of fileProviders(provider)) {
    const ofHouse = (name: string): Key | undefined => {
      const found = keys.get(`${house}/${name}`) ?? keys.get(name);
      return found !== undefined && sameHouse(found.provider, house) ? found : undefined;
    };
    if (house.startsWith("bedrock")) return lookUpBedrock(rest, ofHouse);
    const found = ofHouse(rest);
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

/** Amazon serves a model through regions; where the file does not price the region, it prices the model. */
function lookUpRegion(name: string, find: (name: string) => Key | undefined): ResolvedKey | undefined {
  if (!BEDROCK_PROFILE.test(name)) return undefined;
  const found = find(name.replace(BEDROCK_PROFILE, ""));
  return found && { key: found.key, assumed: [`model: ${name} is priced as ${found.key}`] };
}

/** bedrock and bedrock_converse, vertex_ai and vertex_ai-anthropic_models, cohere and cohere_chat are one house each. */
const sameHouse = (listed: string, asked: string): boolean =>
  houseOf(listed) === houseOf(asked) || (houseOf(listed) === "text-completion-openai" && asked === "openai");

const houseOf = (provider: string): string =>
  /^(vertex_ai|bedrock|cohere|azure_ai|azure|amazon)(?:[_-].*)?$/.exec(provider)?.[1] ?? provider;

/** A fine-tuned model has a price of its own, or none. Files list it by a dated base; the newest is taken. */
function resolveFineTuned({ keys }: KeyIndex, base: string): ResolvedKey | undefined {
  const exact = keys.get(`ft:${base}`);
  if (exact !== undefined) return { key: exact.key, assumed: [] };
  const snapshots = [...keys.keys()].filter((key) => withoutDate(key) === `ft:${base}`);
  const newest = snapshots.toSorted().at(-1);
  return newest === undefined
    ? undefined
    : { key: newest, assumed: [`model: ft:${base} is priced as ${newest}`] };
}
