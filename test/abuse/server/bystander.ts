import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** A caller with a project and a budget of its own, which charges and reads while other callers misbehave. */
export interface Bystander extends AsyncDisposable {
  /**
   * Starts a new series of times, and returns the previous one.
   * @throws The failure of a call, or a wrong sum.
   */
  lap(): Promise<Times>;
  /** Waits until this series has this many calls. */
  called(calls: number): Promise<void>;
  /** Like `lap`, once the call in flight has ended. */
  stop(): Promise<Times>;
}

export interface Times {
  calls: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

export type Order = "lap" | "stop" | { calls: number };

export interface Report {
  times: Times;
  failure: string | undefined;
}

/** Starts at once, and creates its budget, which must not exist yet. */
export function startBystander(
  grpcPort: number,
  { project = "bystander", user = "bystander" } = {},
): Bystander {
  const workerData = { grpcPort, project, user };
  const worker = new Worker(new URL("./bystander.worker.ts", import.meta.url), { workerData });
  const ask = async (order: Order): Promise<Times> => {
    // Only one request at a time, so the next message answers it.
    worker.postMessage(order);
    const [{ times, failure }] = (await once(worker, "message")) as [Report];
    if (failure !== undefined) throw new Error(`the bystander: ${failure}`);
    return times;
  };
  return {
    lap: () => ask("lap"),
    called: async (calls) => {
      await ask({ calls });
    },
    stop: () => ask("stop"),
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}

const oneDecimal = (ms: number): string => ms.toFixed(1);

export const shown = ({ calls, p50Ms, p99Ms, maxMs }: Times): string =>
  `${calls} calls, p50 ${oneDecimal(p50Ms)} ms, p99 ${oneDecimal(p99Ms)} ms, max ${oneDecimal(maxMs)} ms`;
