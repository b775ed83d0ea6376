import type { Random } from "../support/run.ts";

/** Values that break programs, by the kind of field that they are put into. */

/** Names that are allowed but dangerous. Budgets are created under them, so that the database holds them too. */
export const ODD_NAMES = [
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "toString",
  "\uFEFFalice",
  "alice\uFEFF",
  "\u200Balice",
  "e\u0301",
  "\u00E9",
  "\u202Elive",
  "👩‍👩‍👧‍👦",
  "\u{10FFFF}",
  "\uFFFD",
  "\u2028",
  " ",
  "%00",
  "a/b?c#d",
  "{a,b}",
  '"\\"',
  "null",
  "NaN",
  "*",
  "a".repeat(256),
  "€".repeat(85),
];

/** Names that must be refused. */
const BAD_NAMES = [
  "",
  "a".repeat(257),
  `${"€".repeat(85)}é`,
  "a\0b",
  "\n",
  "\u007F",
  "\u0085",
  "x".repeat(100_000),
  "\u0301".repeat(5000),
];

export const MODELS = [
  "gpt-4o-mini",
  "gpt-4o",
  "openai/gpt-4o-mini",
  "claude-sonnet-4-5",
  "claude-3-5-haiku-20241022",
  "gemini-2.0-flash",
];

/** Model names that could make a price search slow or wrong. */
export const ODD_MODELS = [
  `claude-opus-4-6${"-v1:0".repeat(40)}!`,
  `gpt-4o${"-2024-01-01".repeat(20)}!`,
  `${"openai/".repeat(30)}gpt-4o`,
  `${"us.".repeat(60)}anthropic.claude-3-5-sonnet-20240620-v1:0`,
  "@".repeat(200),
  `${"-".repeat(255)}!`,
  "1.".repeat(120),
  "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-3-5-sonnet-20240620-v1:0",
  "arn:::::::::::",
  "//////",
  "models/",
  "/gpt-4o",
  "gpt-4o/",
  "GPT-4O-MINI",
  "\uFEFFgpt-4o",
  "ft:gpt-4o-mini:org::id",
  "azure/eu/gpt-4o-mini",
  "gpt-4o@latest",
  "no-such-model",
  ...ODD_NAMES,
];

export const INT64S = [
  -(2n ** 63n),
  -(2n ** 63n) + 1n,
  -1n,
  0n,
  1n,
  2n ** 31n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 62n,
  2n ** 63n - 1n,
];
export const INT32S = [-(2 ** 31), -1, 0, 1, 1000, 1001, 2 ** 31 - 1];
export const DOUBLES = [Number.NaN, Number.POSITIVE_INFINITY, -1, -0, 5e-324, 1e308, 0.1, 2 ** 53];
export const ENUMS = [-1, 5, 99, 2 ** 31 - 1];
/** The first three are instants that google.protobuf.Timestamp does not allow, or seconds beyond every calendar. */
export const SECONDS = [
  -(2n ** 63n),
  2n ** 63n - 1n,
  253_402_300_800n,
  -62_135_596_800n,
  -1n,
  0n,
  253_402_300_799n,
  315_576_000_001n,
];
export const NANOS = [-1, -999_999_999, 0, 1, 999_999_999, 1_000_000_000, 2 ** 31 - 1];
export const MASK_PATHS = [
  "",
  "*",
  "user",
  "spent_nano_usd",
  "period.count",
  "period..count",
  "__proto__",
  "total_budget_nano_usd,period",
  "totalBudgetNanoUsd",
  "x".repeat(10_000),
];
export const TIME_ZONES = [
  "Mars/Olympus",
  "UTC\0",
  "+25:00",
  "A".repeat(1000),
  "../etc",
  "utc",
  "Etc/GMT+14",
];
export const DECIMALS = ["", "-1", "1e400", "1e-400", "NaN", "0x1", "1".repeat(10_000), "0.1.2", ".5", "٣"];
export const PAGE_TOKENS = [
  "abc",
  ".",
  "..",
  "W10.aaaaaaaaaaaaaaaa",
  "a".repeat(100_000),
  "\u{1F600}",
  "bnVsbA.AAAAAAAAAAAAAAAA",
];

/** A hostile text for a field, by the name of the field. */
export function oddText(random: Random, fieldName: string): string {
  if (fieldName.includes("model")) return random.pick([...ODD_MODELS, ...BAD_NAMES]);
  if (fieldName === "page_token") return random.pick(PAGE_TOKENS);
  if (fieldName === "time_zone") return random.pick(TIME_ZONES);
  if (fieldName === "usd") return random.pick(DECIMALS);
  if (fieldName.endsWith("text")) return oddProse(random);
  return random.pick([...ODD_NAMES, ...BAD_NAMES]);
}

/** Texts for counting tokens: a tokenizer is slowest on a single long piece, and on text that it cannot merge. */
const oddProse = (random: Random): string =>
  random.pick([
    "",
    "\0".repeat(1000),
    "a".repeat(200_000),
    " ".repeat(200_000),
    "\u0301".repeat(50_000),
    "👩‍👩‍👧‍👦".repeat(5000),
    "<|endoftext|>".repeat(1000),
    "\uFFFD".repeat(10_000),
    "0".repeat(100_000),
  ]);
