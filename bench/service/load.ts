import { once } from "node:events";
import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders } from "node:http2";
import { setTimeout as pause } from "node:timers/promises";
import { type EncodedCall, frameMaker } from "./call.ts";

/** The task of a load process. It is plain data. */
export interface LoadTask {
  url: string;
  /** The calls of one round, in order. All get the same number. */
  steps: EncodedCall[];
  /** Headers of every call. */
  headers?: Readonly<Record<string, string>>;
  seconds: number;
  /** A closed loop of callers that wait for each answer, or an open loop that starts rounds at a fixed rate. */
  shape: { inFlight: number } | { perSecond: number };
  /** The number of the first round. */
  countFrom: number;
}

export interface LoadResult {
  /** The number of rounds in which all calls returned OK. */
  done: number;
  seconds: number;
  /** The number of calls that returned another status, by gRPC status. */
  failed: Record<string, number>;
  /** The duration of each call. In an open loop, the first call of a round is timed from its scheduled start. */
  milliseconds: number[];
  /** The first number that was not used. */
  countTo: number;
}

const SESSIONS = 8;
/** Enough for any run. Further samples are dropped. */
const SAMPLES_MAX = 2_000_000;

/** Runs a load over HTTP/2. To do as little work as possible, it uses frames that were encoded before. */
export async function runLoad(task: LoadTask): Promise<LoadResult> {
  const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => open(task.url)));
  const steps = task.steps.map((step) => ({ path: step.path, frameOf: frameMaker(step) }));
  const failed: Record<string, number> = {};
  const milliseconds: number[] = [];
  let done = 0;
  let count = task.countFrom;
  const round = async (since: number): Promise<void> => {
    const number = count++;
    const session = sessions[number % SESSIONS] as ClientHttp2Session;
    let begun = since;
    for (const step of steps) {
      const status = await call(session, step.path, step.frameOf(number), task.headers);
      const now = performance.now();
      if (milliseconds.length < SAMPLES_MAX) milliseconds.push(now - begun);
      begun = now;
      if (status === "0") continue;
      failed[status] = (failed[status] ?? 0) + 1;
      return;
    }
    done++;
  };
  const start = performance.now();
  const { shape } = task;
  await ("inFlight" in shape
    ? closedLoop(shape.inFlight, start + task.seconds * 1000, round)
    : openLoop(shape.perSecond, start, task.seconds, round));
  const seconds = (performance.now() - start) / 1000;
  for (const session of sessions) session.close();
  return { done, seconds, failed, milliseconds, countTo: count };
}

type Round = (since: number) => Promise<void>;

async function closedLoop(callers: number, end: number, round: Round): Promise<void> {
  const caller = async (): Promise<void> => {
    for (let now = performance.now(); now < end; now = performance.now()) await round(now);
  };
  await Promise.all(Array.from({ length: callers }, caller));
}

async function openLoop(perSecond: number, start: number, seconds: number, round: Round): Promise<void> {
  const running: Promise<void>[] = [];
  for (let index = 0; index < perSecond * seconds; index++) {
    const due = start + (index * 1000) / perSecond;
    while (performance.now() < due) await pause(1);
    running.push(round(due));
  }
  await Promise.all(running);
}

async function open(url: string): Promise<ClientHttp2Session> {
  const session = connect(url);
  await once(session, "connect");
  session.setLocalWindowSize(1 << 24);
  return session;
}

/** Makes one unary call. @returns The gRPC status. */
function call(
  session: ClientHttp2Session,
  path: string,
  frame: Buffer,
  headers: LoadTask["headers"],
): Promise<string> {
  return new Promise((resolve) => {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    let status = "none";
    const read = (headers: IncomingHttpHeaders): void => {
      const given = headers["grpc-status"];
      if (typeof given === "string") status = given;
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
