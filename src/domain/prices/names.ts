/**
 * Parses model names in the forms that people write. Nothing here knows a price.
 *
 * A rule of a price source often covers a family ("starts with deepseek-r1"). That is correct for
 * "deepseek-r1-2025-01-20" and wrong for "deepseek-r1-distill-llama-70b", another model with another price. So a family
 * rule matches only if the rest of the name is a version: a date, a build number, "-latest" or "-preview".
 */

/** If two patterns can start alike, the longer one comes first, so that matching needs no backtracking. */
const VERSION_PARTS = [
  "[-@]20\\d{2}(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\\d|3[01])", // -20250929
  "-(?:0[1-9]|1[0-2])-20\\d{2}", // -09-2025, as in gemini-2.5-flash-lite-preview-09-2025
  "-\\d{2}-\\d{2}", // -05-20, as in gemini-2.5-pro-preview-05-20, and the end of -2025-05-20
  "[-@]\\d{3,4}", // -0613, -001, -2507, and the start of -2025-05-20
  "[-@](?:latest|default)",
  "-(?:preview|experimental|exp)",
  "[-@]v\\d+(?:\\.\\d+)*", // -v1
  ":\\d+k?", // :0, :200k
];
/** Exported for the test that its running time is linear. */
export const VERSION_PART = new RegExp(VERSION_PARTS.join("|"), "y");

/** Whether a text is a sequence of version parts. */
function isVersion(text: string): boolean {
  VERSION_PART.lastIndex = 0;
  while (VERSION_PART.lastIndex < text.length) if (!VERSION_PART.test(text)) return false;
  return true;
}

/**
 * Prefixes that do not change the price: Amazon's inference profiles (except the government's, which cost more), and
 * the folders that Google and gateways put before a name.
 */
const PLACE = /^(?:[a-z]{2,6}\.|models\/|publishers\/[a-z0-9-]+\/models\/)?$/;
/** A rule that ends in "-" or "@" ("gemma-3-", "claude-fable-5@") leaves the start of a version, or a size. */
const VERSION_TAIL = /^(?:\d{2}-\d{2}|\d{2,4}|20\d{6}|latest|default|\d{1,3}b(?:-it)?)$/;

/**
 * Whether a name is in the family of a rule. `before` and `after` are the parts of the name that the rule does not
 * match.
 */
export function isVersionOf(rule: string, before: string, after: string): boolean {
  if (!PLACE.test(before)) return false;
  return isVersion(after) || (/[-@]$/.test(rule) && VERSION_TAIL.test(after));
}

const MAJOR = /-v(\d+)(?::\d+)?$/;

/** Whether two names can belong to one model: "-v1" and "-v2:0" cannot. */
export function sameMajor(one: string, other: string): boolean {
  const [a, b] = [MAJOR.exec(one)?.[1], MAJOR.exec(other)?.[1]];
  return a === undefined || b === undefined || a === b;
}

const SNAPSHOT = /-(?:20\d{2}-\d{2}-\d{2}|20\d{6})$/;

/** "gpt-4.1-2025-04-14" without its date. Undefined if there is no date. */
export const withoutDate = (name: string): string | undefined =>
  SNAPSHOT.test(name) ? name.replace(SNAPSHOT, "") : undefined;

const COMPACT_DATE = /-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)/g;

/** "-20250414" becomes "-2025-04-14". Sources use both forms. */
export const withDashedDate = (name: string): string => name.replace(COMPACT_DATE, "-$1-$2-$3");

/** Splits "openai/gpt-4o" into ["openai", "gpt-4o"]. Undefined without a slash. */
export function splitProvider(name: string): [provider: string, rest: string] | undefined {
  const slash = name.indexOf("/");
  return slash <= 0 || slash === name.length - 1 ? undefined : [name.slice(0, slash), name.slice(slash + 1)];
}

const GOOGLE_LOCATION = /^projects\/[^/]+\/locations\/[^/]+\//;
const GOOGLE_MODEL = /^(?:publishers\/[a-z0-9-]+\/)?models\//;
const BEDROCK_ROUTE = /^(?:converse|converse_like|invoke)\//;
const BEDROCK_REGION = /^([a-z]{2}-[a-z]+-\d)\//;

/** Splits "converse/eu-west-2/meta.llama3" into model and region. A government region stays part of the model. */
export function splitBedrock(name: string): { model: string; region: string | undefined } {
  const regional = name.replace(BEDROCK_ROUTE, "");
  const region = BEDROCK_REGION.exec(regional)?.[1];
  return { model: canonical(regional.replace(BEDROCK_REGION, "").replace(BEDROCK_ROUTE, "")), region };
}

/** The assumption to report if the price of another region was used. Prices differ between regions. */
export const regionAssumed = (name: string, region: string): string =>
  `model: ${name} is priced without regard to its region, ${region}`;

const BEDROCK_ARN = /^arn:aws[a-z-]*:bedrock:[^/]*\/(.)/;

/** Lower case, without the resource path that a cloud puts before the model's own name. */
export const canonical = (name: string): string =>
  withoutGoogleResource(name.trim().toLowerCase()).replace(BEDROCK_ARN, "$1");

/** "projects/p/locations/l/publishers/google/models/gemini-pro" becomes "gemini-pro". Other names do not change. */
function withoutGoogleResource(name: string): string {
  const local = name.replace(GOOGLE_LOCATION, "");
  return GOOGLE_MODEL.test(local) ? local.replace(GOOGLE_MODEL, "") : name;
}

/**
 * The base of a fine-tuned model: "gpt-4o-mini" for "ft:gpt-4o-mini:org::id" and for "gpt-4o-mini.ft-id". Undefined for
 * any other model.
 */
export function fineTunedBase(name: string): string | undefined {
  const base = /^ft:([^:]+)(?::|$)/.exec(name)?.[1];
  if (base !== undefined) return base;
  // ".ft-" counts only in the last part of a path and after at least one character.
  const at = name.indexOf(".ft-", Math.max(1, name.lastIndexOf("/") + 1));
  return at < 0 ? undefined : name.slice(0, at);
}
