import { parseArgs } from "node:util";

export interface Options {
  /** Folders and files of the repository to mutate. Each has a score of its own. */
  readonly paths: readonly string[];
  /** Only tests in these folders and files run. */
  readonly tests: readonly string[];
  /** How many mutants of each path are run; undefined for all. */
  readonly sample: number | undefined;
  readonly seed: number;
  /** The time that the tests of one mutant may take, measured without the mutant. */
  readonly secondsMax: number;
  readonly list: boolean;
}

export const HELP = `npm run test:mutate -- <folder or file> ... [options]

Changes the code in many small ways, one at a time, and names the changes that no test notices.

  --sample N     runs N mutants of each folder or file, one from each of N equal parts (default: all)
  --seed S       chooses the sample (default: 1)
  --tests PATH   runs only tests in this folder or file; can be repeated (default: test)
  --seconds T    runs tests for at most T seconds for each mutant, the nearest and fastest first (default: 60)
  --list         prints the mutants and runs nothing
`;

/** An invalid command line. The message is one line. */
export class UsageError extends Error {}

const OPTIONS = {
  sample: { type: "string" },
  seed: { type: "string", default: "1" },
  tests: { type: "string", multiple: true, default: [] as string[] },
  seconds: { type: "string", default: "60" },
  list: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** Parses a command line without the program's name; undefined if it asks for help. @throws UsageError */
export function readArguments(args: readonly string[]): Options | undefined {
  const { values, positionals } = parse(args);
  if (values.help) return undefined;
  if (positionals.length === 0) throw new UsageError("mutate which folder or file? Try --help");
  return {
    paths: positionals.map(withoutSlash),
    tests: (values.tests.length === 0 ? ["test"] : values.tests).map(withoutSlash),
    sample: values.sample === undefined ? undefined : readInteger("sample", values.sample, 1),
    seed: readInteger("seed", values.seed, 0),
    secondsMax: readInteger("seconds", values.seconds, 1),
    list: values.list,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    // Only the first sentence of Node's message is used: the rest explains names that start with a dash.
    const [sentence = ""] = (error as Error).message.split(/\.\s|\n/, 1);
    throw new UsageError(sentence);
  }
}

const withoutSlash = (path: string): string => path.replace(/\/+$/, "");

function readInteger(name: string, text: string, min: number): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < min) {
    throw new UsageError(`--${name}: must be an integer of at least ${min}, and is ${JSON.stringify(text)}`);
  }
  return Number(text);
}

/** Whether a path is one of the given files, or lies below one of the given folders. */
export const isWithin = (path: string, places: readonly string[]): boolean =>
  places.some((place) => path === place || path.startsWith(`${place}/`));
