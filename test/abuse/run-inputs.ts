import { fromBinary, toJson } from "@bufbuild/protobuf";
import { createRandom } from "../support/run.ts";
import { createFailures } from "./failures.ts";
import type { Answer, Input } from "./input.ts";
import { chooseInput } from "./inputs/choose.ts";
import { MAPS } from "./inputs/legacy.ts";
import { METHODS } from "./messages.ts";
import type { Outcome } from "./outcomes.ts";
import { sendBytes } from "./send/http1.ts";
import { sendStream } from "./send/http2.ts";
import type { Target } from "./server/target.ts";
import { judge } from "./verdicts.ts";
import type { World } from "./world.ts";

export interface Ran {
  /** The number of inputs that succeeded. */
  ok: number;
  /** Reports of failures; empty if there were none. */
  failures: string[];
  /** The server hangs, or has ended: not all inputs were sent. */
  isOver: boolean;
  /** The inputs that were answered last, with their times. */
  slowest: string[];
}

const CALLERS = Number(process.env.PURSER_ABUSE_CALLERS ?? 8);
const RECENT_MAX = 2 * CALLERS;
const SLOWEST = 5;
/** Stops at a server that hangs, instead of waiting for a timeout with every remaining input. */
const SILENT_MAX = CALLERS;

/** Sends inputs, a few at a time, and judges each answer and the state of the process after it. */
export async function runInputs(options: {
  target: Target;
  seed: number;
  from: number;
  count: number;
  world: World;
}): Promise<Ran> {
  const { target, seed, from, count, world } = options;
  const failures = createFailures();
  const recent: string[] = [];
  const found: string[] = [];
  const slowest = createSlowest();
  let next = from;
  let ok = 0;
  let silent = 0;
  let complaints = target.complaints().length;
  const isOver = (): boolean => next >= from + count || target.end !== undefined || silent >= SILENT_MAX;

  const one = async (): Promise<void> => {
    const number = next++;
    // Each input has its own random sequence, so it does not depend on how many choices earlier inputs made.
    const input = chooseInput({ random: createRandom(seed + number), world });
    recent.push(`${number} ${input.way} ${input.method}: ${input.what}`);
    if (recent.length > RECENT_MAX) recent.shift();
    const answer = await send(target, input);
    const { verdict, outcome } = judge(input, answer);
    if (answer.kind === "silent") silent++;
    if (answer.kind === "answered") slowest.add(answer.elapsedMs, input);
    if (outcome?.isOk === true) {
      ok++;
      learn(world, input, outcome);
    }
    if (verdict !== undefined) failures.add(input, number, verdict);
    const logged = target.complaints();
    for (const complaint of logged.slice(complaints)) {
      found.push(`logged: ${complaint}\n  the inputs before: ${recent.slice(-CALLERS).join("; ")}`);
    }
    complaints = logged.length;
    if (target.end !== undefined) failures.add(input, number, `the process ended with ${target.end}`);
  };
  const caller = async (): Promise<void> => {
    while (!isOver()) await one();
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));

  if (failures.count > 0) found.unshift(failures.report());
  if (silent >= SILENT_MAX) found.unshift(`the server hangs: inputs after ${next} were not sent`);
  return {
    ok,
    failures: found,
    isOver: silent >= SILENT_MAX || target.end !== undefined,
    slowest: slowest.list(),
  };
}

/** Keeps the inputs that were answered last. It keeps their descriptions only, because inputs are large. */
function createSlowest(): { add(ms: number, input: Input): void; list(): string[] } {
  let kept: [ms: number, what: string][] = [];
  return {
    add(ms, { way, method, what }) {
      if (kept.length === SLOWEST && ms <= (kept.at(-1)?.[0] ?? 0)) return;
      kept = [...kept, [ms, `${way} ${method}: ${what}`] as [number, string]]
        .toSorted(([a], [b]) => b - a)
        .slice(0, SLOWEST);
    },
    list: () => kept.map(([ms, what]) => `${Math.round(ms)} ms ${what}`),
  };
}

const send = (target: Target, { sent }: Input): Promise<Answer> => {
  if (sent.kind === "http2") return sendStream(sent, target.grpcPort);
  return sendBytes(sent, sent.port === "grpc" ? target.grpcPort : target.httpPort);
};

const OUTPUTS = new Map(METHODS.map((method) => [method.name, method.output]));

/** Remembers values of an answer that later inputs can use. An answer that cannot be decoded is skipped. */
function learn(world: World, input: Input, { payload }: Outcome): void {
  const output = OUTPUTS.get(input.method);
  if (payload === undefined) return;
  try {
    if (input.way === "legacy") {
      const { data } = JSON.parse(payload.toString()) as { data?: object };
      if (data !== undefined) world.remember(MAPS, { project: projectOf(input), map: data });
    } else if (input.way.includes("JSON")) world.learn(JSON.parse(payload.toString()));
    else if (output !== undefined) world.learn(toJson(output, fromBinary(output, payload)));
  } catch {
    // The answer to a changed message may be in another form; it was judged before.
  }
}

function projectOf({ sent }: Input): string {
  const text = sent.kind === "bytes" ? sent.bytes.toString() : "";
  return (JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4)) as { project_name: string }).project_name;
}
