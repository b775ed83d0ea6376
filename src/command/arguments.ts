import { parseArgs } from "node:util";
import { Failure } from "../domain/errors.ts";
import { checkName } from "../domain/name.ts";
import type { InstantUs } from "../domain/period.ts";

/** What the command line asks for. */
export type Command = { kind: "serve" } | { kind: "help" } | ({ kind: "prune" } & PruneRequest);

export interface PruneRequest {
  beforeUs: InstantUs;
  /** Absent: every project. */
  project: string | undefined;
  /** Only says what would be deleted. */
  dryRun: boolean;
}

/** A command line that makes no sense; the message is one line. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Reads a command line, without the program's name. @throws UsageError */
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
    // Node goes on to explain how to write a value that starts with a dash.
    const [sentence = ""] = (error as Error).message.split(/\.\s|\n/, 1);
    throw new UsageError(`prune: ${sentence.replace(/\.$/, "")}`);
  }
}

/** With two of them, nobody knows which was meant, and what goes does not come back. */
function once(flag: string, values: readonly string[] | undefined): string | undefined {
  if (values !== undefined && values.length > 1) throw new UsageError(`prune: --${flag}: is given twice`);
  return values?.[0];
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;

/** RFC 3339. A date is its first moment in UTC; what is finer than a microsecond is cut off. */
function readInstant(text: string): InstantUs {
  const full = DATE.test(text) ? `${text}T00:00:00Z` : text;
  try {
    if (DATE_TIME.test(full)) return Temporal.Instant.from(full).epochNanoseconds / 1000n;
  } catch {
    // A day or an hour that does not exist.
  }
  throw new UsageError(
    `prune: --before: must be a date or a date-time of RFC 3339, such as 2026-01-01 or 2026-01-01T00:00:00Z, and is ${JSON.stringify(text)}`,
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

  purser                                                   serves; the settings are environment variables
  purser prune --before INSTANT [--project P] [--dry-run]  deletes what is past from the store that the settings name

prune deletes ledger entries from before an instant that count in no current period, reservations closed before it, and
periods that had ended by then, beside servers at work. What is interrupted goes on when it is run again. The ids of what is
deleted may be used anew: a request that is repeated after that is charged again.

  --before INSTANT  a date, which is its midnight UTC, or a date-time, as in 2026-01-01 or 2026-01-01T08:00:00+01:00
  --project P       only this project
  --dry-run         only says what would be deleted
  -h, --help        this text

Ends with 1 where something went wrong, or was interrupted, and with 2 where the command line makes no sense.
`;
