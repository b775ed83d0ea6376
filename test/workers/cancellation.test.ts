import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { test } from "node:test";
import type { Worker } from "node:worker_threads";
import { Code, ConnectError } from "@connectrpc/connect";
import { makeStore, startTestServer } from "../support/server.ts";

/** The worker threads of this process, as they are started. */
function watchWorkers(): Disposable & { workers: Worker[] } {
  const workers: Worker[] = [];
  const onWorker = (message: unknown): void => void workers.push((message as { worker: Worker }).worker);
  subscribe("worker_threads", onWorker);
  return { workers, [Symbol.dispose]: () => unsubscribe("worker_threads", onWorker) };
}

/** Resolves when the worker gets its next job. */
const givenJob = (worker: Worker): Promise<void> =>
  new Promise((resolve) => {
    const post = worker.postMessage.bind(worker);
    worker.postMessage = (...args: Parameters<typeof post>) => {
      worker.postMessage = post;
      post(...args);
      resolve();
    };
  });

test("a caller that leaves while its text is counted frees the thread, which then counts the next text", async () => {
  using watched = watchWorkers();
  await using store = await makeStore("PGlite");
  await using server = await startTestServer({ ...store.environment, TOKEN_THREADS: "1" });
  const [worker] = watched.workers;
  assert.ok(worker !== undefined && watched.workers.length === 1);
  const name = { project: "cancelled", user: "alice" };
  await server.grpc.createBudget({ ...name, totalBudgetNanoUsd: 10n ** 12n });
  const charge = (inputText: string, signal?: AbortSignal) =>
    server.grpc.updateCost(
      { ...name, source: { case: "text", value: { model: "gpt-4o-mini", inputText, outputText: "" } } },
      { signal },
    );

  // Takes seconds to count, at least.
  const caller = new AbortController();
  const taken = givenJob(worker);
  const long = charge("a".repeat(3_500_000), caller.signal);
  const refused = assert.rejects(long, (error) => ConnectError.from(error).code === Code.Canceled);
  await taken;
  caller.abort();
  await refused;

  const { costNanoUsd } = await charge("hello world");
  assert.equal(costNanoUsd, 300n);
  assert.equal(watched.workers.length, 1);
  assert.equal((await server.grpc.getCurrentCost(name)).currentCostNanoUsd, 300n);
});
