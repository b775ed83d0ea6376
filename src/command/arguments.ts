import { parseArgs } from "node:util";
import { Failure } from "../domain/errors.ts";
import { checkName } from "../domain/name.ts";
import type { InstantUs } from "../domain/period.ts";

/** A parsed command line. */
export type Command = { kind: "serve" } | { kind: "help" } | ({ kind: "prune" } & PruneRequest);

export interface PruneRequest {
  beforeUs: InstantUs;
  /** Absent means every project. */
  project: string | undefined;
  /** Only report what would be deleted. */
  dryRun: boolean;
}

/** An invalid command line. The message is one line. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Parses a command line without the program's name. @throws UsageError */
export function readCommand(args: readonly string[]): Command {
  const [name, ...rest] = args;
  switch (name) {
    case undefined:
      return { kind: "serve" };
    case "help":
    case "--help":
    case "-h":
      return { kind: "help" };
    case "prune":
      return readPrune(rest);
    default:
      throw new UsageError(`there is no command ${JSON.stringify(name)}; try --help`);
  }
}

const PRUNE_OPTIONS = {
  before: { type: "string", multiple: true },
  project: { type: "string", multiple: true },
  "dry-run": { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

function readPrune(args: readonly string[]): Command {
  const values = parsePrune(args);
  if (values.help === true) return { kind: "help" };
  const before = once("before", values.before);
  if (before === undefined) throw new UsageError("prune: --before is required, such as --before 2026-01-01");
  const project = once("project", values.project);
  return {
    kind: "prune",
    beforeUs: readInstant(before),
    project: project === undefined ? undefined : readProject(project),
    dryRun: values["dry-run"] === true,
  };
}

function parsePrune(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: PRUNE_OPTIONS }).values;
  } catch (error) {
    // Only the first sentence of Node's message is used: the rest explains values that start with a dash.
    const [sentence = ""] = (error as Error).message.split(/\.\s|\n/, 1);
    throw new UsageError(`prune: ${sentence.replace(/\.$/, "")}`);
  }
}

/** A repeated option is refused, because it is unclear which value was meant and a deletion cannot be undone. */
function once(flag: string, values: readonly string[] | undefined): string | undefined {
  if (values !== undefined && values.length > 1) throw new UsageError(`prune: --${flag}: is given twice`);
  return values?.[0];
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;

/** Parses a date or date-time of RFC 3339. A date means midnight UTC. Fractions of a microsecond are dropped. */
function readInstant(text: string): InstantUs {
  const full = DATE.test(text) ? `${text}T00:00:00Z` : text;
  try {
    if (DATE_TIME.test(full)) return Temporal.Instant.from(full).epochNanoseconds / 1000n;
  } catch {
    // The day or the hour does not exist.
  }
  throw new UsageError(
    `prune: --before: must be a date or a date-time of RFC 3339, such as 2026-01-01 or 2026-01-01T00:00:00Z, not ${JSON.stringify(text)}`,
  );
}

function readProject(text: string): string {
  try {
    return checkName("--project", text);
  } catch (error) {
    throw error instanceof Failure ? new UsageError(`prune: ${error.message}`) : error;
  }
}

export const HELP = `Purser, a budget service for LLM spend.

  purser                                                   runs the server; environment variables set its options
  purser prune --before INSTANT [--project P] [--dry-run]  deletes old data from the store that the environment names

prune deletes ledger entries from before an instant that count in no current period, reservations that were closed before
it, and periods that had ended by then. Servers may run at the same time. After an interruption, run it again to continue.
A deleted request id may be used again: a request that is retried after the deletion is charged again.

  --before INSTANT  a date (midnight UTC) or a date-time, for example 2026-01-01 or 2026-01-01T08:00:00+01:00
  --project P       only this project
  --dry-run         only reports what would be deleted
  -h, --help        shows this text

Exit status: 1 after an error or an interruption, 2 for an invalid command line.
`;
