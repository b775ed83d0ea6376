import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { type BudgetError, Failure } from "../../src/domain/errors.ts";
import { countChat, countText } from "../../src/domain/tokens.ts";
import { createTokenCounter, TEXT_BYTES_MAX } from "../../src/workers/tokens.ts";

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

test("texts and chats are counted on threads as they are without", async () => {
  await using counter = createTokenCounter({ threads: 2 });
  const messages = [{ role: "user", content: "hello world" }];
  const tools = [{ type: "function", function: { name: "search" } }];
  assert.deepEqual(
    await Promise.all([
      counter.count({ model, text: "hello world" }),
      counter.count({ model: "gpt-4", text: "Größenordnung" }),
      counter.count({ model, messages }),
      counter.count({ model, messages, tools }),
      counter.count({ model, text: "a\ud800b" }),
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

test("what cannot be counted is refused as without threads, and the thread lives on", async () => {
  await using counter = createTokenCounter({ threads: 1 });
  assert.deepEqual(await errorOf(counter.count({ model, messages: [{ role: "user", content: 5 }] })), {
    reason: "INVALID_FIELD",
    field: "messages[0].content",
    description: "must be a string, a list of content parts, or null",
  });
  assert.equal(await counter.count({ model, text: "hello world" }), 2);
});

test("more than 4 MiB of text is refused, naming the field", async () => {
  await using counter = createTokenCounter({ threads: 1, workerFile: misbehaving });
  const field = async (job: Parameters<typeof counter.count>[0]): Promise<string | undefined> => {
    const error = await errorOf(counter.count(job));
    return error.reason === "INVALID_FIELD" ? error.field : undefined;
  };
  // Two bytes each in UTF-8.
  const long = "é".repeat(TEXT_BYTES_MAX / 2 + 1);
  assert.equal(await field({ model, text: long }), "text");
  assert.equal(await field({ model, messages: [{ role: "user", content: long }] }), "messages");
  assert.equal(await field({ model, messages: [], tools: [{ description: long }] }), "tools");
  assert.equal(await counter.count({ model, text: long.slice(1) }), TEXT_BYTES_MAX / 2);
});

test("a cancelled job frees its thread, running or queued", async () => {
  await using counter = createTokenCounter({ threads: 1, workerFile: misbehaving, cancelGraceMs: 0 });
  const running = new AbortController();
  const queued = new AbortController();
  const hanging = counter.count({ model, text: "hang" }, running.signal);
  const waiting = counter.count({ model, text: "throw" }, queued.signal);
  const next = counter.count({ model, text: "four" });
  queued.abort();
  assert.equal(await reasonOf(waiting), "CANCELLED");
  running.abort();
  assert.equal(await reasonOf(hanging), "CANCELLED");
  assert.equal(await next, 4);
  assert.equal(await reasonOf(counter.count({ model, text: "late" }, running.signal)), "CANCELLED");
});

test("a job that ends within its grace costs no thread", async () => {
  await using counter = createTokenCounter({ threads: 1, workerFile: misbehaving, cancelGraceMs: 60_000 });
  const cancelled = new AbortController();
  const short = counter.count({ model, text: "short" }, cancelled.signal);
  const next = counter.count({ model, text: "four" });
  cancelled.abort();
  assert.equal(await reasonOf(short), "CANCELLED");
  assert.equal(await next, 4);
});

test("a thread that dies fails its own job alone, and is replaced", async () => {
  await using counter = createTokenCounter({ threads: 1, workerFile: misbehaving });
  const outcomes = await Promise.allSettled(
    ["one", "throw", "four", "exit", "seven"].map((text) => counter.count({ model, text })),
  );
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : outcome.reason.error.reason)),
    [3, "INTERNAL", 4, "INTERNAL", 5],
  );
});

test("a full queue says so at once", async () => {
  await using counter = createTokenCounter({ threads: 1, workerFile: misbehaving, jobsQueuedMax: 2 });
  const counts = ["a", "bb", "ccc", "dddd"].map((text) => counter.count({ model, text }));
  const error = await errorOf(Promise.all(counts));
  assert.deepEqual(error, { reason: "OVERLOADED", operationsMax: 2, retryAfterMs: 1000 });
  const outcomes = await Promise.allSettled(counts);
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 3);
});

test("disposing ends every job, and takes no more", async () => {
  const counter = createTokenCounter({ threads: 1, workerFile: misbehaving });
  const jobs = ["hang", "queued"].map((text) => reasonOf(counter.count({ model, text })));
  await counter[Symbol.asyncDispose]();
  assert.deepEqual(await Promise.all(jobs), ["CANCELLED", "CANCELLED"]);
  assert.equal(await reasonOf(counter.count({ model, text: "late" })), "CANCELLED");
});

test("idle threads do not keep a process alive, disposed or not", async () => {
  const program = `
    import { createTokenCounter } from ${JSON.stringify(new URL("../../src/workers/tokens.ts", import.meta.url).href)};
    const counter = createTokenCounter({ threads: 2 });
    console.log(await counter.count({ model: "gpt-4o", text: "hello world" }));
  `;
  const run = promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program]);
  assert.equal((await run).stdout, "2\n");
});
