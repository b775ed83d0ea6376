import type { Answer, Input } from "./input.ts";
import { codeName, type Outcome, readOutcome } from "./outcomes.ts";

/** Returns what is wrong with an answer, or undefined if it is correct. */
export type Verdict = string | undefined;

const UNKNOWN = 2;
const DEADLINE_EXCEEDED = 4;
const INTERNAL = 13;
const UNAVAILABLE = 14;
const DATA_LOSS = 15;
/** Codes for a failure of the server or its store. Both are healthy during the run, so these codes are wrong. */
const FAILURES = new Set([UNKNOWN, INTERNAL, UNAVAILABLE, DATA_LOSS]);
// Connect answers UNIMPLEMENTED with this status, and Node answers an unknown HTTP version with it.
const NOT_IMPLEMENTED = 501;
const VERSION_NOT_SUPPORTED = 505;
const DETAILS_BYTES_MAX = 4096;
// gRPC clients refuse headers above 8 KB.
const HEADERS_BYTES_MAX = 8192;
const UNIMPLEMENTED = 12;
// More than a single input takes on a busy machine. Only deadlines that are much longer are checked.
const DEADLINE_MS_SURE = 60_000;

/**
 * Text that must not reach a caller: stack frames, file names of the server, and statements and messages of the
 * database.
 */
const LEAKS = [
  /\n\s+at /,
  /\bat \S+ \(.*:\d+/,
  /node_modules|node:internal|file:\/\//,
  /\/src\/\w+|\.[cm]?[jt]s:\d+/,
  /\b(?:select|insert into|update|delete from)\b.+\b(?:from|set|values|where)\b/i,
  /violates|SQLSTATE|syntax error at|relation "|column "|\bpg_|kysely|pglite/i,
  /undefined is not|is not a function|Cannot read propert|ECONN|Maximum call stack/,
];

export function judge(input: Input, answer: Answer): { verdict: Verdict; outcome?: Outcome } {
  switch (answer.kind) {
    case "left":
      return { verdict: undefined };
    case "silent":
      return { verdict: "no answer within 30 s" };
    case "closed":
      // Node's own client may refuse to send an input, or the input is not a request.
      if (answer.why.startsWith("the client:") || input.mayClose === true) return { verdict: undefined };
      return { verdict: `closed without an answer (${answer.why})` };
    case "answered": {
      const read = tryRead(input, answer);
      return "wrong" in read
        ? { verdict: read.wrong }
        : { verdict: judgeOutcome(input, answer, read), outcome: read };
    }
    default: {
      const unreachable: never = answer;
      return unreachable;
    }
  }
}

type Answered = Answer & { kind: "answered" };

function tryRead(input: Input, answer: Answered): Outcome | { wrong: string } {
  try {
    return readOutcome(answer, input.way);
  } catch (error) {
    return { wrong: `an improper answer: ${(error as Error).message.slice(0, 200)}` };
  }
}

function judgeOutcome(input: Input, answer: Answered, outcome: Outcome): Verdict {
  const { code, message, detailsBytes } = outcome;
  const { status } = answer;
  const isFailure = code !== undefined && FAILURES.has(code) && code !== input.codeSpecified;
  if (isFailure) return `${codeName(code).toUpperCase()}: ${message.slice(0, 200)}`;
  if (status >= 500 && !isSpoken(outcome) && status !== NOT_IMPLEMENTED && status !== VERSION_NOT_SUPPORTED) {
    return `HTTP ${status}: ${message.slice(0, 200)}`;
  }
  if (
    code === DEADLINE_EXCEEDED &&
    (input.deadlineMs ?? 0) > DEADLINE_MS_SURE &&
    answer.elapsedMs < DEADLINE_MS_SURE
  ) {
    return `DEADLINE_EXCEEDED after ${Math.round(answer.elapsedMs)} ms of ${input.deadlineMs} ms`;
  }
  if (input.isForeign === true && !isTurnedAway(status, code)) {
    return `a page of another site was answered: HTTP ${status} ${code === undefined ? "" : codeName(code)}`;
  }
  if (outcome.isOk) return undefined;
  if (detailsBytes > DETAILS_BYTES_MAX) return `${detailsBytes} bytes of details`;
  // grpc-js itself answers a method that does not exist, and repeats its path, however long that is.
  const isUnknownMethod = code === UNIMPLEMENTED;
  if (message.length > DETAILS_BYTES_MAX && !isUnknownMethod)
    return `a message of ${message.length} characters`;
  const headerBytes = [...answer.headers].reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (headerBytes > HEADERS_BYTES_MAX) return `${headerBytes} bytes of headers and trailers`;
  const leak = LEAKS.find((pattern) => pattern.test(message));
  return leak === undefined ? undefined : `it tells of the inside (${leak}): ${message.slice(0, 300)}`;
}

const PERMISSION_DENIED = 7;
const FORBIDDEN = 403;
const MISDIRECTED = 421;

/** The request was refused as a whole. Any other error comes from a handler, which must not have run. */
const isTurnedAway = (status: number, code: number | undefined): boolean =>
  code === PERMISSION_DENIED || status === FORBIDDEN || status === MISDIRECTED;

/** A Connect error has the status of its code, which was judged already: DEADLINE_EXCEEDED is HTTP 504. */
const isSpoken = ({ code }: Outcome): boolean => code !== undefined;
