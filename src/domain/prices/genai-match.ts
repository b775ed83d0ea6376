import type { MatchLogic, ModelInfo, Provider } from "@pydantic/genai-prices";
import { isVersionOf, sameMajor } from "./names.ts";

/** The models of one provider, with the names and match rules of genai-prices. Names are in lower case. */
export interface ProviderIndex {
  readonly provider: Provider;
  /** Models by the names that must match exactly. */
  readonly exact: ReadonlyMap<string, ModelInfo>;
  readonly find: (name: string) => ModelInfo | undefined;
}

/**
 * The length and characters of a name that genai-prices may know. Its patterns are data that an update may change, so
 * they only run on names like those in the data, whose longest name has 61 characters. This bounds their running time.
 */
const NORMAL_NAME = /^[-a-z0-9._/:@~[\]=+]{1,128}$/;

export const isNormalName = (name: string): boolean => NORMAL_NAME.test(name);

export function indexProvider(provider: Provider): ProviderIndex {
  const exact = new Map<string, ModelInfo>();
  for (const model of provider.models) {
    for (const name of equalNames(model.match)) if (!exact.has(name)) exact.set(name, model);
  }
  const families = provider.models.filter((model) => hasFamilyRule(model.match));
  const find = (name: string): ModelInfo | undefined =>
    exact.get(name) ??
    (isNormalName(name)
      ? families.find((model) => sameMajor(model.id, name) && accepts(model.match, name))
      : undefined);
  return { provider, exact, find };
}

/** All names that a rule accepts by plain equality. */
export function equalNames(rule: MatchLogic): string[] {
  if ("or" in rule) return rule.or.flatMap(equalNames);
  return "equals" in rule ? [rule.equals.toLowerCase()] : [];
}

function hasFamilyRule(rule: MatchLogic): boolean {
  return "or" in rule ? rule.or.some(hasFamilyRule) : !("equals" in rule);
}

/** Whether a rule accepts a name as the model itself or a version of it. Deliberately stricter than the library. */
function accepts(rule: MatchLogic, name: string): boolean {
  if ("or" in rule) return rule.or.some((part) => accepts(part, name));
  if ("and" in rule) return acceptsAll(rule.and, name);
  if ("equals" in rule) return rule.equals.toLowerCase() === name;
  if ("regex" in rule) return acceptsPattern(rule.regex, name);
  return acceptsText(rule, name);
}

// In a conjunction, the text conditions identify the name. Patterns only exclude names.
function acceptsAll(rules: readonly MatchLogic[], name: string): boolean {
  return (
    rules.some((part) => !("regex" in part)) &&
    rules.every((part) => ("regex" in part ? patternOf(part.regex).test(name) : accepts(part, name)))
  );
}

const patterns = new Map<string, RegExp>();

/** The cache is bounded by the data, because only its patterns are cached. */
function patternOf(source: string): RegExp {
  let pattern = patterns.get(source);
  if (pattern === undefined) patterns.set(source, (pattern = new RegExp(source)));
  return pattern;
}

function acceptsPattern(pattern: string, name: string): boolean {
  const match = patternOf(pattern).exec(name);
  if (match === null || match[0] === "") return false;
  const after = name.slice(match.index + match[0].length);
  // A pattern may end inside a number ("gemini-3\.5-flash-\d"). The digit that it matched belongs to the version.
  const digits = /-\d+$/.exec(match[0])?.[0] ?? "";
  return isVersionOf(match[0], name.slice(0, match.index), after === "" ? "" : digits + after);
}

type TextRule = { starts_with: string } | { ends_with: string } | { contains: string };

function acceptsText(rule: TextRule, name: string): boolean {
  const text = (
    "starts_with" in rule ? rule.starts_with : "ends_with" in rule ? rule.ends_with : rule.contains
  ).toLowerCase();
  const at = "ends_with" in rule ? name.length - text.length : name.indexOf(text);
  if (at < 0 || !name.startsWith(text, at) || ("starts_with" in rule && at > 0)) return false;
  return isVersionOf(text, name.slice(0, at), name.slice(at + text.length));
}
