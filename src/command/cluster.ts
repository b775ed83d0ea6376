import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { backoffMs } from "../domain/backoff.ts";

/**
 * Runs several processes behind the same ports. The primary starts them, distributes connections to them in turn, and
 * replaces a worker that ends. The workers share only the ports and the database.
 */

/** A message from a worker to the primary. */
type Report = { kind: "serving"; greeting: string } | { kind: "failed"; why: string };
/** A message from the primary to a worker. */
type Order = "stop" | "reload";

/** A worker did not start serving. The message has the reason. */
export class WorkerFailed extends Error {
  override name = "WorkerFailed";
}

/** Running workers. */
export interface Workers {
  /**
   * The line that the program prints at its start. All workers report the same line, because the ports are the same.
   */
  readonly greeting: string;
  /** Makes every worker read its files again: prices and certificates. */
  reload(): void;
  /** Makes every worker finish its calls and end. @returns Whether all of them could finish. */
  stop(): Promise<boolean>;
}

interface Running {
  worker: Worker;
  /** Resolves to the greeting. @throws WorkerFailed */
  serving: Promise<string>;
  /** How the worker ended: exit code 0, another code, or the name of a signal. */
  ended: Promise<number | string>;
}

const RESTART = { firstMs: 100, longestMs: 10_000 };

/**
 * Starts workers, which run this same program, and replaces those that end until `stop` is called.
 *
 * @throws WorkerFailed if one of the first workers does not start serving. The others are then killed.
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
    reload: () => tellAll("reload"),
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
  // Awaiting the promise is optional, so a rejection must not end the process.
  serving.promise.catch(() => {});
  return { worker, serving: serving.promise, ended };
}

/**
 * Replaces a worker that ends, after a pause that grows while its replacements do not start serving.
 *
 * @returns How the last worker ended.
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
    log.error({ worker: running.worker.id, end, pauseMs }, "a worker ended; another one replaces it");
    await sleep(pauseMs, undefined, { signal: stopping }).catch(() => {});
    if (stopping.aborted) return 0;
  }
}

/** @returns Whether the worker started serving. */
async function watchStart({ worker, serving }: Running, greeting: string, log: Logger): Promise<boolean> {
  const facts = { worker: worker.id, workerPid: worker.process.pid };
  try {
    const said = await serving;
    if (said === greeting) log.info(facts, "a worker is serving");
    // With port 0, the ports are only kept while at least one worker runs.
    else
      log.error(
        { ...facts, said },
        "a worker is serving on other ports: all workers had ended, so the automatic ports were lost",
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

/** Sends a message to a worker. A worker that is ending does not need it, so errors are ignored. */
function tell(worker: Worker, order: Order): void {
  if (worker.isConnected()) worker.send(order, () => {});
}

/** Whether this process is a worker. */
export const isWorker = cluster.isWorker;

/** Sends a message to the primary. Resolves when it has been sent. */
export const report = (message: Report): Promise<void> =>
  new Promise((resolve) => {
    cluster.worker?.send(message, () => resolve());
  });

/** Handles the messages that the primary sends to this worker. */
export function onOrder(orders: Record<Order, () => void>): void {
  cluster.worker?.on("message", (order: Order) => orders[order]());
}
