import { parseArgs } from "node:util";
import { Failure } from "../../src/domain/errors.ts";
import {
  checkUsage,
  SERVICE_TIERS,
  type ServiceTier,
  snakeCase,
  USAGE_NUMBERS,
  type Usage,
  type UsageNumber,
} from "../../src/domain/usage.ts";

/** A parsed command line. */
export type Request =
  | { kind: "help" }
  | { kind: "explain"; model: string; usage: Usage; file: string | undefined }
  | { kind: "compare"; file: string };

/** An invalid command line. The message is one line. */
export class UsageError extends Error {}

/** The flag of a field. Most fields count tokens, so the flag omits "tokens": cacheReadTokens is --cache-read. */
export const flagOf = (field: UsageNumber): string =>
  field === "searchQueries" ? "searches" : snakeCase(field.replace(/Tokens$/, "")).replaceAll("_", "-");

const FLAGS: ReadonlyMap<UsageNumber, string> = new Map(USAGE_NUMBERS.map((field) => [field, flagOf(field)]));
const FLAG_BY_PROTO_NAME: ReadonlyMap<string, string> = new Map(
  [...FLAGS].map(([field, flag]) => [snakeCase(field), `--${flag}`]),
);

const STRING = { type: "string" } as const;
const OPTIONS = {
  ...Object.fromEntries([...FLAGS.values(), "tier", "file"].map((flag) => [flag, STRING])),
  help: { type: "boolean", short: "h" },
} as const;

/** Parses a command line without the program's name. @throws UsageError */
export function readArguments(args: readonly string[]): Request {
  const { values, positionals } = parse(args);
  if (values["help"] === true) return { kind: "help" };
  const [first, second, ...more] = positionals;
  if (first === undefined) throw new UsageError("which model? Try --help");
  if (first === "compare") return readCompare(second, more, values);
  if (second !== undefined) throw new UsageError(`one model at a time: ${first}, or ${second}?`);
  const usage = readUsage(values);
  return { kind: "explain", model: first, usage, file: textOf(values["file"]) };
}

type Values = Readonly<Record<string, string | boolean | undefined>>;

function parse(args: readonly string[]): { values: Values; positionals: string[] } {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    const [, flag] = /'(--\S+)' argument is ambiguous/.exec((error as Error).message) ?? [];
    if (flag !== undefined) throw new UsageError(`${flag}: must be a value that starts with no dash`);
    // Only the first sentence of Node's message is used: the rest explains names that start with a dash.
    const [sentence = ""] = (error as Error).message.split(/\.\s|\n/, 1);
    throw new UsageError(sentence.replace(/\.$/, ""));
  }
}

function readCompare(file: string | undefined, more: readonly string[], values: Values): Request {
  if (file === undefined) throw new UsageError("compare with which file?");
  const [extra] = [...more, ...Object.keys(values).map((flag) => `--${flag}`)];
  if (extra !== undefined) throw new UsageError(`compare takes one file and nothing else, not ${extra}`);
  return { kind: "compare", file };
}

function readUsage(values: Values): Usage {
  const usage: Usage = {};
  for (const [field, flag] of FLAGS) {
    const text = textOf(values[flag]);
    if (text !== undefined) usage[field] = readNumber(flag, text);
  }
  if (Object.keys(usage).length === 0) {
    throw new UsageError("how much of it? Give an amount, such as --input 1000");
  }
  const tier = textOf(values["tier"]);
  if (tier !== undefined) usage.serviceTier = readTier(tier);
  const error = checkUsage(usage, "usage");
  if (error !== undefined) throw new UsageError(withFlags(new Failure(error).message));
  return usage;
}

function readNumber(flag: string, text: string): number {
  if (!/^\d+(?:\.\d+)?$/.test(text)) {
    throw new UsageError(`--${flag}: must be a number of at least 0, and is ${JSON.stringify(text)}`);
  }
  return Number(text);
}

function readTier(text: string): ServiceTier {
  const tier = SERVICE_TIERS.find((known) => known === text);
  if (tier !== undefined) return tier;
  throw new UsageError(`--tier: must be one of ${SERVICE_TIERS.join(", ")}, and is ${JSON.stringify(text)}`);
}

/** Replaces the proto's field names in an error with the flags of the command line. */
const withFlags = (sentence: string): string =>
  sentence
    .replace(/^usage\./, "")
    .replace(/[a-z][a-z0-9_]+/g, (word) => FLAG_BY_PROTO_NAME.get(word) ?? word);

const textOf = (value: string | boolean | undefined): string | undefined =>
  typeof value === "string" ? value : undefined;

export const HELP = `Shows how a model's cost is computed, or compares a price file with Purser's own prices.

  npm run prices -- MODEL --input 1000 --output 500 [more amounts] [--tier TIER] [--file FILE]
  npm run prices -- compare FILE

Amounts. --input and --output are totals. The flags after them are parts of these totals and cannot exceed them.
  --input N         --cache-read N, --cache-write N, --cache-write-1h N, --input-audio N, --input-image N
  --output N        --reasoning N, --output-audio N, --output-image N
  --cache-read N    --cache-read-audio N, --cache-read-image N
  --input-characters N, --output-characters N, --input-seconds N, --output-seconds N
  --images N, --pixels N, --pages N, --searches N, --requests N

  --tier TIER       ${SERVICE_TIERS.join(", ")}; default: standard
  --file FILE       prices in the format of LiteLLM's model_prices_and_context_window.json; they take precedence
  -h, --help        shows this text

Exit status: 1 if there is no price or a file cannot be used, 2 for an invalid command line.
`;
