import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { BudgetService } from "../../../gen/es/budget/v1/budget_service_pb.ts";

/** One caller with a budget and a project of its own, who charges and reads while others misbehave. */
export interface Bystander {
  /** Begins a new series of times, and gives the one before. */
  lap(): Times;
  /** Lets the call in flight end. @throws what went wrong: a call that failed, or a sum that was not exact */
  stop(): Promise<Times>;
  /** The first thing that went wrong so far. */
  readonly failure: Error | undefined;
}

export interface Times {
  calls: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

const PAUSE_MS = 20;
/** A call that takes longer has failed: the bound is loose, and only a server that hangs breaks it. */
const CALL_MS_MAX = 30_000;

export async function startBystander(
  grpcPort: number,
  { project = "bystander", user = "bystander" } = {},
): Promise<Bystander> {
  const client = createClient(
    BudgetService,
    createGrpcTransport({ baseUrl: `http://127.0.0.1:${grpcPort}` }),
  );
  const name = { project, user };
  await client.createBudget({ ...name, totalBudgetNanoUsd: 10n ** 15n });
  let times: number[] = [];
  let failure: Error | undefined;
  let isStopping = false;
  let sum = 0n;

  const timed = async <T>(call: (options: { timeoutMs: number }) => Promise<T>): Promise<T> => {
    const started = performance.now();
    const answer = await call({ timeoutMs: CALL_MS_MAX });
    times.push(performance.now() - started);
    return answer;
  };
  const turn = async (): Promise<void> => {
    const costNanoUsd = 1n + (sum % 7n);
    const source = { case: "cost" as const, value: { model: "m", costNanoUsd } };
    await timed((options) => client.updateCost({ ...name, source }, options));
    sum += costNanoUsd;
    const { currentCostNanoUsd } = await timed((options) => client.getCurrentCost(name, options));
    if (currentCostNanoUsd !== sum)
      throw new Error(`the bystander spent ${sum}, and reads ${currentCostNanoUsd}`);
  };
  const run = async (): Promise<void> => {
    while (!isStopping) {
      await turn();
      await setTimeout(PAUSE_MS);
    }
  };
  const running = run().catch((error: unknown) => {
    failure = error as Error;
  });
  const lap = (): Times => {
    const series = timesOf(times);
    times = [];
    return series;
  };
  return {
    lap,
    get failure() {
      return failure;
    },
    async stop() {
      isStopping = true;
      await running;
      if (failure !== undefined) throw failure;
      return lap();
    },
  };
}

function timesOf(times: readonly number[]): Times {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { calls: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

const oneDecimal = (ms: number): string => ms.toFixed(1);

export const shown = ({ calls, p50Ms, p99Ms, maxMs }: Times): string =>
  `${calls} calls, p50 ${oneDecimal(p50Ms)} ms, p99 ${oneDecimal(p99Ms)} ms, max ${oneDecimal(maxMs)} ms`;
