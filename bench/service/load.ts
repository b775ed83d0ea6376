import { once } from "node:events";
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { type EncodedCall, frameMaker } from "./call.ts";

/** What a load process is asked to do. Plain data. */
export interface LoadTask {
  url: string;
  /** Calls that follow each other; the number that is written into them is the same. */
  steps: EncodedCall[];
  seconds: number;
  /** Callers that wait for each answer, or calls that start at a rate, whatever becomes of those before. */
  shape: { inFlight: number } | { perSecond: number };
  /** First of the numbers that calls count up from. */
  countFrom: number;
}

export interface LoadResult {
  /** Rounds of all steps that were answered with OK. */
  done: number;
  seconds: number;
  /** Calls that were answered with something else, by gRPC status. */
  failed: Record<string, number>;
  /** Milliseconds of each step of each round; the whole round in an open loop, from when it should have begun. */
  milliseconds: number[];
}

const SESSIONS = 8;
/** Enough for any run; latencies after that are not kept. */
const SAMPLES_MAX = 2_000_000;

/** Runs a load over HTTP/2 with as little work of its own as it can: frames are encoded before. */
export async function runLoad(task: LoadTask): Promise<LoadResult> {
  const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => open(task.url)));
  const steps = task.steps.map((step) => ({ path: step.path, frameOf: frameMaker(step) }));
  const failed: Record<string, number> = {};
  const milliseconds: number[] = [];
  let done = 0;
  let count = task.countFrom;
  const round = async (): Promise<void> => {
    const number = count++;
    const session = sessions[number % SESSIONS] as ClientHttp2Session;
    for (const step of steps) {
      const status = await call(session, step.path, step.frameOf(number));
      if (status === "0") continue;
      failed[status] = (failed[status] ?? 0) + 1;
      return;
    }
    done++;
  };
  const note = (since: number): void => {
    if (milliseconds.length < SAMPLES_MAX) milliseconds.push(performance.now() - since);
  };
  const start = performance.now();
  const end = start + task.seconds * 1000;
  await ("inFlight" in task.shape
    ? closedLoop(task.shape.inFlight, end, round, note)
    : openLoop(task.shape.perSecond, start, end, round, note));
  const seconds = (performance.now() - start) / 1000;
  for (const session of sessions) session.close();
  return { done, seconds, failed, milliseconds };
}

type Round = () => Promise<void>;
type Note = (since: number) => void;

async function closedLoop(callers: number, end: number, round: Round, note: Note): Promise<void> {
  const caller = async (): Promise<void> => {
    for (let now = performance.now(); now < end; now = performance.now()) {
      await round();
      note(now);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
}

/** Late starts count: a call is measured from when it was due. */
async function openLoop(
  perSecond: number,
  start: number,
  end: number,
  round: Round,
  note: Note,
): Promise<void> {
  const running = new Set<Promise<void>>();
  for (let index = 0; ; ) {
    const now = performance.now();
    for (let due = start; due <= now; ) {
      due = start + (index * 1000) / perSecond;
      if (due > end) return void (await Promise.all(running));
      if (due > now) break;
      index++;
      const one = round().then(() => {
        note(due);
        running.delete(one);
      });
      running.add(one);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function open(url: string): Promise<ClientHttp2Session> {
  const session = connect(url);
  await once(session, "connect");
  session.setLocalWindowSize(1 << 24);
  return session;
}

/** One unary call. @returns Its gRPC status. */
function call(session: ClientHttp2Session, path: string, frame: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    let status = "none";
    const read = (headers: { "grpc-status"?: unknown }): void => {
      if (headers["grpc-status"] !== undefined) status = String(headers["grpc-status"]);
    };
    stream.on("response", read).on("trailers", read);
    stream.on("error", () => {
      status = "broken";
    });
    stream.on("close", () => resolve(status));
    stream.resume();
    stream.end(frame);
  });
}
