import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { backoffMs } from "../domain/backoff.ts";

/**
 * Several processes behind the same ports: the primary begins them, hands connections to them in turn, and has another one
 * take the place of one that ends. They share nothing but the ports and the database.
 */

/** What a worker tells the primary. */
type Report = { kind: "serving"; greeting: string } | { kind: "failed"; why: string };
/** What the primary tells a worker. */
type Order = "stop" | "reload";

/** A first worker did not serve; the message says why. */
export class WorkerFailed extends Error {
  override name = "WorkerFailed";
}

/** Workers that serve. */
export interface Workers {
  /** What the program says at its start: every worker says the same, since the ports are the same. */
  readonly greeting: string;
  /** Has each read its price file again. */
  reloadPrices(): void;
  /** Has each finish the calls that it has begun. @returns Whether all of them could. */
  stop(): Promise<boolean>;
}

interface Running {
  worker: Worker;
  /** The greeting. @throws WorkerFailed */
  serving: Promise<string>;
  /** How it ended: 0, another code, or the name of a signal. */
  ended: Promise<number | string>;
}

const RESTART = { firstMs: 100, longestMs: 10_000 };

/**
 * Begins workers, which run this same program, and keeps as many running until they are told to stop.
 *
 * @throws WorkerFailed when one of them does not serve; the others are ended.
 */
export async function startWorkers(count: number, log: Logger): Promise<Workers> {
  const running = Array.from({ length: count }, begin);
  let greeting: string;
  try {
    const greetings = await Promise.all(running.map(({ serving }) => serving));
    [greeting = ""] = greetings;
  } catch (error) {
    for (const { worker } of running) worker.process.kill("SIGKILL");
    await Promise.all(running.map(({ ended }) => ended));
    throw error;
  }
  const stopping = new AbortController();
  const kept = running.map((first) => keep(first, greeting, stopping.signal, log));
  return {
    greeting,
    reloadPrices: () => tellAll("reload"),
    async stop() {
      stopping.abort();
      const ends = await Promise.all(kept);
      return ends.every((end) => end === 0);
    },
  };
}

function begin(): Running {
  const worker = cluster.fork();
  const serving = Promise.withResolvers<string>();
  const ended = once(worker, "exit").then(
    ([code, signal]: (number | string | null)[]) => signal ?? code ?? 1,
  );
  worker.on("message", (report: Report) => {
    if (report.kind === "serving") serving.resolve(report.greeting);
    else serving.reject(new WorkerFailed(report.why));
  });
  void ended.then((end) => serving.reject(new WorkerFailed(`a worker ended before it served (${end})`)));
  // Whoever waits for it hears of it; nobody has to.
  serving.promise.catch(() => {});
  return { worker, serving: serving.promise, ended };
}

/**
 * Has another worker take the place of one that ends, after a pause that grows while they do not serve.
 *
 * @returns How the last one ended.
 */
async function keep(
  first: Running,
  greeting: string,
  stopping: AbortSignal,
  log: Logger,
): Promise<number | string> {
  let failures = 0;
  for (let running = first; ; running = begin()) {
    const serves = await watchStart(running, greeting, log);
    failures = serves ? 0 : failures + 1;
    const pauseMs = backoffMs(failures, RESTART, 1);
    const end = await endOf(running, stopping);
    if (stopping.aborted) return end;
    log.error({ worker: running.worker.id, end, pauseMs }, "a worker ended; another takes its place");
    await sleep(pauseMs, undefined, { signal: stopping }).catch(() => {});
    if (stopping.aborted) return 0;
  }
}

/** @returns Whether it serves. */
async function watchStart({ worker, serving }: Running, greeting: string, log: Logger): Promise<boolean> {
  const facts = { worker: worker.id, workerPid: worker.process.pid };
  try {
    const said = await serving;
    if (said === greeting) log.info(facts, "a worker serves");
    // Free ports are kept only while a worker has them.
    else
      log.error(
        { ...facts, said },
        "a worker serves elsewhere: all workers had ended, and the free ports with them",
      );
    return true;
  } catch (error) {
    log.error({ ...facts, why: (error as Error).message }, "a worker did not start");
    return false;
  }
}

async function endOf({ worker, ended }: Running, stopping: AbortSignal): Promise<number | string> {
  const stop = (): void => tell(worker, "stop");
  if (stopping.aborted) stop();
  stopping.addEventListener("abort", stop, { once: true });
  const end = await ended;
  stopping.removeEventListener("abort", stop);
  return end;
}

const tellAll = (order: Order): void => {
  for (const worker of Object.values(cluster.workers ?? {})) if (worker !== undefined) tell(worker, order);
};

/** One that ends meanwhile has nothing to hear. */
function tell(worker: Worker, order: Order): void {
  if (worker.isConnected()) worker.send(order, () => {});
}

/** Whether this process is a worker. */
export const isWorker = cluster.isWorker;

/** Tells the primary of this worker. Resolves when it has been sent. */
export const report = (message: Report): Promise<void> =>
  new Promise((resolve) => {
    cluster.worker?.send(message, () => resolve());
  });

/** Hears what the primary tells this worker. */
export function onOrder(orders: Record<Order, () => void>): void {
  cluster.worker?.on("message", (order: Order) => orders[order]());
}
