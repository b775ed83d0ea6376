import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { promisify } from "node:util";
import type { Worker } from "node:worker_threads";
import { type BudgetError, Failure } from "../../src/domain/errors.ts";
import { countChat, countText } from "../../src/domain/tokens.ts";
import { createTokenCounter, TEXT_BYTES_MAX } from "../../src/workers/tokens.ts";

const queue = { queueJobsMax: 20_000, queueBytesMax: 2 ** 29 };
const caller = "alice";
const misbehaving = new URL("./misbehaving.worker.ts", import.meta.url);
const model = "gpt-4o";

async function errorOf(promise: Promise<unknown>): Promise<BudgetError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Failure) return error.error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const reasonOf = async (promise: Promise<unknown>): Promise<string> => (await errorOf(promise)).reason;

test("threads count texts and chats as the main thread does", async () => {
  await using counter = createTokenCounter({ threads: 2, ...queue });
  const messages = [{ role: "user", content: "hello world" }];
  const tools = [{ type: "function", function: { name: "search" } }];
  assert.deepEqual(
    await Promise.all([
      counter.count({ model, text: "hello world" }, { caller }),
      counter.count({ model: "gpt-4", text: "Größenordnung" }, { caller }),
      counter.count({ model, messages }, { caller }),
      counter.count({ model, messages, tools }, { caller }),
      counter.count({ model, text: "a\ud800b" }, { caller }),
    ]),
    [
      2,
      countText("cl100k_base", "Größenordnung"),
      countChat(model, messages),
      countChat(model, messages, tools),
      countText("o200k_base", "a\ud800b"),
    ],
  );
});

test("input that cannot be counted gets the same error as without threads, and the thread continues", async () => {
  await using counter = createTokenCounter({ threads: 1, ...queue });
  assert.deepEqual(
    await errorOf(counter.count({ model, messages: [{ role: "user", content: 5 }] }, { caller })),
    {
      reason: "INVALID_FIELD",
      field: "messages[0].content",
      description: "must be a string, a list of content parts, or null",
    },
  );
  assert.equal(await counter.count({ model, text: "hello world" }, { caller }), 2);
});

test("more than 4 MiB of text is refused, naming the field", async () => {
  await using counter = createTokenCounter({ threads: 1, ...queue, workerFile: misbehaving });
  const field = async (job: Parameters<typeof counter.count>[0]): Promise<string | undefined> => {
    const error = await errorOf(counter.count(job, { caller }));
    return error.reason === "INVALID_FIELD" ? error.field : undefined;
  };
  // Two bytes each in UTF-8.
  const long = "é".repeat(TEXT_BYTES_MAX / 2 + 1);
  assert.equal(await field({ model, text: long }), "text");
  assert.equal(await field({ model, messages: [{ role: "user", content: long }] }), "messages");
  assert.equal(await field({ model, messages: [], tools: [{ description: long }] }), "tools");
  assert.equal(await counter.count({ model, text: long.slice(1) }, { caller }), TEXT_BYTES_MAX / 2);
});

test("a job can be cancelled before it is queued, in the queue, and on a thread", async () => {
  await using counter = createTokenCounter({ threads: 1, ...queue, workerFile: misbehaving });
  const started: Worker[] = [];
  const onWorker = (message: unknown): void => void started.push((message as { worker: Worker }).worker);
  subscribe("worker_threads", onWorker);
  const controllers = Array.from({ length: 40 }, () => new AbortController());
  // A thread holds as many jobs as it is given at once; the others wait. The last one would end the thread.
  const jobs = controllers.map(({ signal }, index) => {
    const text = index === controllers.length - 1 ? "exit" : "hold";
    return reasonOf(counter.count({ model, text }, { caller, signal }));
  });
  assert.deepEqual(counter.load, { jobs: 40, callers: 1 });
  controllers.at(-1)?.abort();
  assert.equal(await jobs.at(-1), "CANCELLED");
  assert.equal(counter.load.jobs, 39);
  const late = counter.count({ model, text: "late" }, { caller, signal: controllers.at(-1)?.signal });
  assert.equal(await reasonOf(late), "CANCELLED");
  for (const controller of controllers) controller.abort();
  assert.deepEqual(new Set(await Promise.all(jobs)), new Set(["CANCELLED"]));
  assert.equal(await counter.count({ model, text: "four" }, { caller }), 4);
  assert.deepEqual(counter.load, { jobs: 0, callers: 0 });
  unsubscribe("worker_threads", onWorker);
  assert.equal(started.length, 0);
});

test("a thread that does not stop a cancelled job is replaced, and its other jobs are counted", async () => {
  await using counter = createTokenCounter({
    threads: 1,
    ...queue,
    workerFile: misbehaving,
    cancelGraceMs: 0,
  });
  const { signal, abort } = abortable();
  const hanging = reasonOf(counter.count({ model, text: "hang" }, { caller, signal }));
  const next = counter.count({ model, text: "four" }, { caller });
  abort();
  assert.equal(await hanging, "CANCELLED");
  assert.equal(await next, 4);
  assert.deepEqual(counter.load, { jobs: 0, callers: 0 });
});

function abortable(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

test("a thread that dies fails only its current job, and is replaced", async () => {
  await using counter = createTokenCounter({ threads: 1, ...queue, workerFile: misbehaving });
  const outcomes = await Promise.allSettled(
    ["hold", "one", "throw", "four", "exit", "seven", "release"].map((text) =>
      counter.count({ model, text }, { caller }),
    ),
  );
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : outcome.reason.error.reason)),
    [4, 3, "INTERNAL", 4, "INTERNAL", 5, 7],
  );
  assert.deepEqual(counter.load, { jobs: 0, callers: 0 });
});

test("a thread that dies before its first job fails all its jobs, so that they do not kill thread after thread", async () => {
  await using counter = createTokenCounter({ threads: 1, ...queue, workerFile: misbehaving });
  const jobs = ["exit at once", "four"].map((text) => reasonOf(counter.count({ model, text }, { caller })));
  assert.deepEqual(await Promise.all(jobs), ["INTERNAL", "INTERNAL"]);
  assert.equal(await counter.count({ model, text: "four" }, { caller }), 4);
});

test("a job goes to the thread with the least work, and leaves nothing on its caller's signal", async () => {
  await using counter = createTokenCounter({ threads: 2, ...queue, workerFile: misbehaving });
  const { signal, abort } = abortable();
  const held = reasonOf(counter.count({ model, text: "hold" }, { caller, signal }));
  // Ends the thread that gets it, with all its jobs.
  assert.equal(await reasonOf(counter.count({ model, text: "exit at once" }, { caller })), "INTERNAL");
  assert.equal(await counter.count({ model, text: "four" }, { caller, signal }), 4);
  assert.equal(getEventListeners(signal, "abort").length, 1);
  abort();
  assert.equal(await held, "CANCELLED");
});

test("a full queue refuses at once, and still has room for another caller", async () => {
  const limits = { queueJobsMax: 6, queueBytesMax: 1000 };
  await using counter = createTokenCounter({ threads: 1, ...limits, workerFile: misbehaving });
  const held = ["hold", "hold", "hold"].map((text) => counter.count({ model, text }, { caller }));
  assert.deepEqual(await errorOf(counter.count({ model, text: "more" }, { caller })), {
    reason: "OVERLOADED",
    operationsMax: 6,
    bytesMax: 1000,
    retryAfterMs: 1000,
  });
  assert.equal(await counter.count({ model, text: "release" }, { caller: "bob" }), 7);
  assert.deepEqual(await Promise.all(held), [4, 4, 4]);
  assert.equal(await counter.count({ model, text: "more" }, { caller }), 4);
});

test("too many bytes in the queue are refused, too", async () => {
  const limits = { queueJobsMax: 4000, queueBytesMax: 100 };
  await using counter = createTokenCounter({ threads: 1, ...limits, workerFile: misbehaving });
  const fits = counter.count({ model, text: "x".repeat(50) }, { caller });
  assert.equal(await reasonOf(counter.count({ model, text: "x" }, { caller })), "OVERLOADED");
  assert.equal(await fits, 50);
  assert.equal(await reasonOf(counter.count({ model, text: "x".repeat(51) }, { caller })), "OVERLOADED");
});

test("disposing ends every job, and refuses new ones", async () => {
  const counter = createTokenCounter({ threads: 1, ...queue, workerFile: misbehaving });
  const jobs = ["hang", "queued"].map((text) => reasonOf(counter.count({ model, text }, { caller })));
  await counter[Symbol.asyncDispose]();
  assert.deepEqual(await Promise.all(jobs), ["CANCELLED", "CANCELLED"]);
  assert.equal(await reasonOf(counter.count({ model, text: "late" }, { caller })), "CANCELLED");
});

test("disposing ends while a thread is still giving up a cancelled job", async () => {
  const program = `
    import { createTokenCounter } from ${JSON.stringify(new URL("../../src/workers/tokens.ts", import.meta.url).href)};
    const counter = createTokenCounter({ threads: 1, queueJobsMax: 9, queueBytesMax: 2 ** 24 });
    await counter.count({ model: "gpt-4o", text: "hello" }, { caller: "alice" });
    const leaving = new AbortController();
    const job = counter.count({ model: "gpt-4o", text: "a".repeat(3e6) }, { caller: "alice", signal: leaving.signal });
    leaving.abort();
    await job.catch(() => {});
    await counter[Symbol.asyncDispose]();
    console.log("disposed");
  `;
  const run = promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program]);
  assert.equal((await run).stdout, "disposed\n");
});

test("idle threads do not keep a process alive, disposed or not", async () => {
  const program = `
    import { createTokenCounter } from ${JSON.stringify(new URL("../../src/workers/tokens.ts", import.meta.url).href)};
    const counter = createTokenCounter({ threads: 2, queueJobsMax: 9, queueBytesMax: 99 });
    console.log(await counter.count({ model: "gpt-4o", text: "hello world" }, { caller: "alice" }));
  `;
  const run = promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program]);
  assert.equal((await run).stdout, "2\n");
});
