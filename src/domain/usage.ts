import { type BudgetError, invalidField } from "./errors.ts";

/** The provider's service tier for a call. A tier has its own rates if the price source gives them. */
export type ServiceTier = "standard" | "flex" | "priority" | "batch";

export const SERVICE_TIERS: readonly ServiceTier[] = ["standard", "flex", "priority", "batch"];

/**
 * The usage of one or more calls to a model. Every number is optional; an absent number is 0. Counts are integers from
 * 0 to 2^53-1. Seconds may have a fraction.
 *
 * `inputTokens` and `outputTokens` are totals; other counts are parts of them. A part is always included in its total,
 * whatever the provider's own convention, and the parts of one total never overlap. So `inputTokens` minus its parts is
 * the amount billed at the rate of plain text. `cacheReadAudioTokens` and `cacheReadImageTokens` are parts of
 * `cacheReadTokens`.
 */
export interface Usage {
  /** Total of input tokens: plain text plus cache reads, cache writes, audio and image tokens. */
  inputTokens?: number;
  /** Total of output tokens: visible text plus reasoning, audio and image tokens. */
  outputTokens?: number;
  /** Part of inputTokens: read from a prompt cache. */
  cacheReadTokens?: number;
  /** Part of cacheReadTokens: audio. */
  cacheReadAudioTokens?: number;
  /** Part of cacheReadTokens: images. */
  cacheReadImageTokens?: number;
  /** Part of inputTokens: written to a prompt cache with the provider's usual (5 minutes) lifetime. */
  cacheWriteTokens?: number;
  /** Part of inputTokens: written to a prompt cache with a lifetime of one hour. Not included in cacheWriteTokens. */
  cacheWrite1hTokens?: number;
  /** Part of outputTokens: reasoning, which is not shown. */
  reasoningTokens?: number;
  /** Part of inputTokens: audio that was not read from a cache. */
  inputAudioTokens?: number;
  /** Part of outputTokens: audio. */
  outputAudioTokens?: number;
  /** Part of inputTokens: images that were not read from a cache. */
  inputImageTokens?: number;
  /** Part of outputTokens: images. */
  outputImageTokens?: number;
  /** Characters sent, for models that are billed by the character, such as speech. */
  inputCharacters?: number;
  outputCharacters?: number;
  /** Seconds of audio or video sent. May have a fraction. */
  inputSeconds?: number;
  /** Seconds of audio or video generated. May have a fraction. */
  outputSeconds?: number;
  /** Images generated. */
  images?: number;
  /** Pixels of all generated images together. */
  pixels?: number;
  /** Pages of documents read. */
  pages?: number;
  /** Web searches that the provider ran for the call. */
  searchQueries?: number;
  /** Calls. A usage covers at least one call, so absent and 0 are priced as 1. */
  requests?: number;
  serviceTier?: ServiceTier;
}

export type UsageNumber = Exclude<keyof Usage, "serviceTier">;

const COUNTS = [
  "inputTokens",
  "outputTokens",
  "cacheReadTokens",
  "cacheReadAudioTokens",
  "cacheReadImageTokens",
  "cacheWriteTokens",
  "cacheWrite1hTokens",
  "reasoningTokens",
  "inputAudioTokens",
  "outputAudioTokens",
  "inputImageTokens",
  "outputImageTokens",
  "inputCharacters",
  "outputCharacters",
  "images",
  "pixels",
  "pages",
  "searchQueries",
  "requests",
] as const satisfies readonly UsageNumber[];

const SECONDS = ["inputSeconds", "outputSeconds"] as const satisfies readonly UsageNumber[];

export const USAGE_NUMBERS: readonly UsageNumber[] = [...COUNTS, ...SECONDS];

/** The fields that are parts of each total. The parts of one total do not overlap. */
export const INPUT_PARTS = [
  "cacheReadTokens",
  "cacheWriteTokens",
  "cacheWrite1hTokens",
  "inputAudioTokens",
  "inputImageTokens",
] as const satisfies readonly UsageNumber[];
export const OUTPUT_PARTS = [
  "reasoningTokens",
  "outputAudioTokens",
  "outputImageTokens",
] as const satisfies readonly UsageNumber[];
export const CACHE_READ_PARTS = [
  "cacheReadAudioTokens",
  "cacheReadImageTokens",
] as const satisfies readonly UsageNumber[];

export function sumOf(usage: Usage, fields: readonly UsageNumber[]): number {
  let sum = 0;
  for (const field of fields) sum += usage[field] ?? 0;
  return sum;
}

/**
 * Returns the first error in a usage, or undefined. `fieldPrefix` is the path of the usage in the request ("usage",
 * "completion.usage"). The error's field is that path plus the proto's name of the number: `usage.input_tokens`.
 */
export function checkUsage(usage: Usage, fieldPrefix: string): BudgetError | undefined {
  return checkNumbers(usage, fieldPrefix) ?? checkParts(usage, fieldPrefix) ?? checkTier(usage, fieldPrefix);
}

function checkNumbers(usage: Usage, prefix: string): BudgetError | undefined {
  for (const field of COUNTS) {
    const count = usage[field];
    if (count === undefined || (Number.isSafeInteger(count) && count >= 0)) continue;
    return fault(prefix, field, `must be an integer from 0 to 2^53-1, and is ${count}`);
  }
  for (const field of SECONDS) {
    const seconds = usage[field];
    if (seconds === undefined || (seconds >= 0 && seconds <= Number.MAX_SAFE_INTEGER)) continue;
    return fault(prefix, field, `must be a number from 0 to 2^53-1, and is ${seconds}`);
  }
  return undefined;
}

function checkParts(usage: Usage, prefix: string): BudgetError | undefined {
  return (
    checkTotal(usage, prefix, "inputTokens", INPUT_PARTS) ??
    checkTotal(usage, prefix, "outputTokens", OUTPUT_PARTS) ??
    checkTotal(usage, prefix, "cacheReadTokens", CACHE_READ_PARTS)
  );
}

function checkTotal(
  usage: Usage,
  prefix: string,
  total: UsageNumber,
  parts: readonly UsageNumber[],
): BudgetError | undefined {
  const sum = sumOf(usage, parts);
  if (sum <= (usage[total] ?? 0)) return undefined;
  const names = parts.filter((part) => (usage[part] ?? 0) > 0).map(snakeCase);
  return fault(prefix, total, `is ${usage[total] ?? 0}, less than its parts: ${names.join(" + ")} = ${sum}`);
}

function checkTier(usage: Usage, prefix: string): BudgetError | undefined {
  const tier = usage.serviceTier;
  if (tier === undefined || SERVICE_TIERS.includes(tier)) return undefined;
  return invalidField(`${prefix}.service_tier`, `must be one of ${SERVICE_TIERS.join(", ")}`).error;
}

const fault = (prefix: string, field: UsageNumber, description: string): BudgetError =>
  invalidField(`${prefix}.${snakeCase(field)}`, description).error;

/** The proto's name of a field: inputTokens is input_tokens, cacheWrite1hTokens is cache_write_1h_tokens. */
export const snakeCase = (field: string): string =>
  field.replace(/[A-Z]|\d+/g, (part) => `_${part.toLowerCase()}`);
