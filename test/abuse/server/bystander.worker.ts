import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { BudgetService } from "../../../gen/es/budget/v1/budget_service_pb.ts";
import type { Order, Report, Times } from "./bystander.ts";

/** The bystander runs on its own thread, so that its times exclude the work of the thread that sends the abuse. */

const PAUSE_MS = 20;
/** A call that takes longer has failed. The bound is loose: only a server that hangs exceeds it. */
const CALL_MS_MAX = 30_000;

const { grpcPort, project, user } = workerData as { grpcPort: number; project: string; user: string };
const client = createClient(BudgetService, createGrpcTransport({ baseUrl: `http://127.0.0.1:${grpcPort}` }));
const name = { project, user };
let times: number[] = [];
let failure: string | undefined;
let isStopping = false;
let sum = 0n;

async function timed<T>(call: (options: { timeoutMs: number }) => Promise<T>): Promise<T> {
  const started = performance.now();
  const answer = await call({ timeoutMs: CALL_MS_MAX });
  times.push(performance.now() - started);
  return answer;
}

async function run(): Promise<void> {
  await client.createBudget({ ...name, totalBudgetNanoUsd: 10n ** 15n });
  while (!isStopping) {
    const costNanoUsd = 1n + (sum % 7n);
    const source = { case: "cost" as const, value: { model: "m", costNanoUsd } };
    await timed((options) => client.updateCost({ ...name, source }, options));
    sum += costNanoUsd;
    const { currentCostNanoUsd } = await timed((options) => client.getCurrentCost(name, options));
    if (currentCostNanoUsd !== sum) throw new Error(`it spent ${sum}, and reads ${currentCostNanoUsd}`);
    await setTimeout(PAUSE_MS);
  }
}

const NONE: Times = { calls: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 };

async function untilCalled(calls: number): Promise<void> {
  while (times.length < calls) await setTimeout(PAUSE_MS);
}

function lap(): Times {
  const sorted = times.toSorted((a, b) => a - b);
  times = [];
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { calls: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

const running = run().catch((error: unknown) => {
  failure = (error as Error).message;
});

async function obey(order: Order): Promise<void> {
  if (order === "stop") {
    isStopping = true;
    await running;
  }
  if (typeof order === "object") await Promise.race([untilCalled(order.calls), running]);
  const series = typeof order === "object" ? NONE : lap();
  parentPort?.postMessage({ times: series, failure } satisfies Report);
  if (order === "stop") parentPort?.close();
}

parentPort?.on("message", (order: Order) => void obey(order));
