/**
 * How people write model names, taken apart. Nothing here knows a price.
 *
 * A rule of a price source often covers a family ("starts with deepseek-r1"). That is safe for
 * "deepseek-r1-2025-01-20" and wrong for "deepseek-r1-distill-llama-70b", which is another model at another price. So a
 * family rule counts only when what it leaves of the name is a version: a date, a build number, "-latest", "-preview".
 */

const VERSION_PARTS = [
  "[-@]20\\d{2}-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\\d|3[01])", // -20250929, @2025-09-29
  "-\\d{2}-\\d{2}", // -05-20, as in gemini-2.5-pro-preview-05-20
  "-(?:0[1-9]|1[0-2])-20\\d{2}", // -09-2025, as in gemini-2.5-flash-lite-preview-09-2025
  "[-@]\\d{3,4}", // -0613, -001, -2507
  "[-@](?:latest|default)",
  "-(?:preview|exp|experimental)",
  "[-@]v\\d+(?:[.:]\\d+)*", // -v1:0
  ":\\d+k?", // :200k
];
const VERSION = new RegExp(`^(?:${VERSION_PARTS.join("|")})*$`);
/** Amazon's inference profiles, but for the government's, which cost more; the folders that Google and gateways put first. */
const PLACE = /^(?:[a-z]{2,6}\.|models\/|publishers\/[a-z0-9-]+\/models\/)?$/;
/** A rule that ends in a dash or an @ ("gemma-3-", "claude-fable-5@") leaves the start of a version, or a size. */
const VERSION_TAIL = /^(?:\d{2}-\d{2}|\d{2,4}|20\d{6}|latest|default|\d{1,3}b(?:-it)?)$/;

/** Whether `before` and `after`, what a family rule leaves of a name, keep the name in the family. */
export function isVersionOf(rule: string, before: string, after: string): boolean {
  if (!PLACE.test(before)) return false;
  return VERSION.test(after) || (/[-@]$/.test(rule) && VERSION_TAIL.test(after));
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

const GOOGLE_RESOURCE = /^(?:projects\/[^/]+\/locations\/[^/]+\/)?(?:publishers\/[a-z0-9-]+\/)?models\//;
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

const BEDROCK_ARN = /^arn:aws[a-z-]*:bedrock:[^/]*\/(?=.)/;

/** Lower case, without the resource path that a cloud puts before a model's own name. */
export const canonical = (name: string): string =>
  name.trim().toLowerCase().replace(GOOGLE_RESOURCE, "").replace(BEDROCK_ARN, "");

/** The base of a fine-tuned model, "ft:gpt-4o-mini:org::id" giving "gpt-4o-mini"; undefined for any other. */
export function fineTunedBase(name: string): string | undefined {
  const match = /^ft:([^:]+)(?::|$)/.exec(name) ?? /^(.+?)\.ft-[^/]*$/.exec(name);
  return match?.[1];
}
