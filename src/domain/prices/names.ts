/**
 * How people write model names, taken apart. Nothing here knows a price.
 *
 * A rule of a price source often covers a family ("starts with deepseek-r1"). That is safe for
 * "deepseek-r1-2025-01-20" and wrong for "deepseek-r1-distill-llama-70b", which is another model at another price. So a
 * family rule counts only when what it leaves of the name is a version: a date, a build number, "-latest", "-preview".
 */

/** Where two parts begin alike, the longer one comes first, so that no part has to be read again in another way. */
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
/** Exported so that a test can prove that its time is linear. */
export const VERSION_PART = new RegExp(VERSION_PARTS.join("|"), "y");

/** Whether a text is a sequence of parts of a version. */
function isVersion(text: string): boolean {
  VERSION_PART.lastIndex = 0;
  while (VERSION_PART.lastIndex < text.length) if (!VERSION_PART.test(text)) return false;
  return true;
}

/** Amazon's inference profiles, but for the government's, which cost more; the folders that Google and gateways put first. */
const PLACE = /^(?:[a-z]{2,6}\.|models\/|publishers\/[a-z0-9-]+\/models\/)?$/;
/** A rule that ends in a dash or an @ ("gemma-3-", "claude-fable-5@") leaves the start of a version, or a size. */
const VERSION_TAIL = /^(?:\d{2}-\d{2}|\d{2,4}|20\d{6}|latest|default|\d{1,3}b(?:-it)?)$/;

/** Whether `before` and `after`, what a family rule leaves of a name, keep the name in the family. */
export function isVersionOf(rule: string, before: string, after: string): boolean {
  if (!PLACE.test(before)) return false;
  return isVersion(after) || (/[-@]$/.test(rule) && VERSION_TAIL.test(after));
}

const MAJOR = /-v(\d+)(?::\d+)?$/;

/** Whether two names may be of one model: "-v1" and "-v2:0" say that they are not. */
export function sameMajor(one: string, other: string): boolean {
  const [a, b] = [MAJOR.exec(one)?.[1], MAJOR.exec(other)?.[1]];
  return a === undefined || b === undefined || a === b;
}

const SNAPSHOT = /-(?:20\d{2}-\d{2}-\d{2}|20\d{6})$/;

/** "gpt-4.1-2025-04-14" without its date, or undefined when it has none. */
export const withoutDate = (name: string): string | undefined =>
  SNAPSHOT.test(name) ? name.replace(SNAPSHOT, "") : undefined;

const COMPACT_DATE = /-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)/g;

/** "-20250414" as "-2025-04-14"; sources write either. */
export const withDashedDate = (name: string): string => name.replace(COMPACT_DATE, "-$1-$2-$3");

/** "openai/gpt-4o" as ["openai", "gpt-4o"]; undefined without a slash. */
export function splitProvider(name: string): [provider: string, rest: string] | undefined {
  const slash = name.indexOf("/");
  return slash <= 0 || slash === name.length - 1 ? undefined : [name.slice(0, slash), name.slice(slash + 1)];
}

const GOOGLE_LOCATION = /^projects\/[^/]+\/locations\/[^/]+\//;
const GOOGLE_MODEL = /^(?:publishers\/[a-z0-9-]+\/)?models\//;
const BEDROCK_ROUTE = /^(?:converse|converse_like|invoke)\//;
const BEDROCK_REGION = /^([a-z]{2}-[a-z]+-\d)\//;

/** "converse/eu-west-2/meta.llama3" as the model and the region, where one is named; a region of the government stays. */
export function splitBedrock(name: string): { model: string; region: string | undefined } {
  const regional = name.replace(BEDROCK_ROUTE, "");
  const region = BEDROCK_REGION.exec(regional)?.[1];
  return { model: canonical(regional.replace(BEDROCK_REGION, "").replace(BEDROCK_ROUTE, "")), region };
}

/** Prices differ between regions, so a price that is not of the region asked for comes with this sentence. */
export const regionAssumed = (name: string, region: string): string =>
  `model: ${name} is priced without regard to its region, ${region}`;

const BEDROCK_ARN = /^arn:aws[a-z-]*:bedrock:[^/]*\/(.)/;

/** Lower case, without the resource path that a cloud puts before a model's own name. */
export const canonical = (name: string): string =>
  withoutGoogleResource(name.trim().toLowerCase()).replace(BEDROCK_ARN, "$1");

/** "projects/p/locations/l/publishers/google/models/gemini-pro" as "gemini-pro"; other names as they are. */
function withoutGoogleResource(name: string): string {
  const local = name.replace(GOOGLE_LOCATION, "");
  return GOOGLE_MODEL.test(local) ? local.replace(GOOGLE_MODEL, "") : name;
}

/**
 * The base of a fine-tuned model, "gpt-4o-mini" of "ft:gpt-4o-mini:org::id" and of "gpt-4o-mini.ft-id"; undefined for any
 * other model.
 */
export function fineTunedBase(name: string): string | undefined {
  const base = /^ft:([^:]+)(?::|$)/.exec(name)?.[1];
  if (base !== undefined) return base;
  // Only in the last part of a path, and after at least one character.
  const at = name.indexOf(".ft-", Math.max(1, name.lastIndexOf("/") + 1));
  return at < 0 ? undefined : name.slice(0, at);
}
