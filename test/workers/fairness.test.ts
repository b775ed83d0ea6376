import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../../src/config.ts";
import { createTokenCounter, type TokenCounter } from "../../src/workers/tokens.ts";
import { makeStore, startTestServer } from "../support/server.ts";

// Compares the order of answers only, which a slow machine does not change.
const model = "gpt-4o";
const { TOKEN_QUEUE_JOBS_MAX: queueJobsMax, TOKEN_QUEUE_BYTES_MAX: queueBytesMax } = loadConfig({});
const startCounter = (): TokenCounter => createTokenCounter({ threads: 1, queueJobsMax, queueBytesMax });

/** Counts texts, and records the names of jobs in the order of their answers. */
function recorder(counter: TokenCounter) {
  const answered: string[] = [];
  const cancelled = new AbortController();
  const count = async (name: string, caller: string, text: string): Promise<void> => {
    await counter.count({ model, text }, { caller, signal: cancelled.signal });
    answered.push(name);
  };
  /** Cancels all jobs that are not counted yet. */
  const end = async (left: readonly Promise<void>[]): Promise<void> => {
    cancelled.abort();
    await Promise.allSettled(left);
    // Counted after the thread has given up its cancelled jobs.
    await counter.count({ model, text: "last" }, { caller: "last" });
  };
  return { answered, count, end };
}

for (const caller of ["another caller", "long"]) {
  test(`"hi" of ${caller === "long" ? "the same caller" : caller} overtakes 40 texts of 3.9 MB`, async () => {
    await using counter = startCounter();
    const { answered, count, end } = recorder(counter);
    const text = "a".repeat(3_900_000);
    const long = Array.from({ length: 40 }, (_, index) => count(`long ${index}`, "long", text));
    await count("hi", caller, "hi");
    // The first long text is being counted, or the thread is still starting.
    assert.deepEqual(answered, ["hi"]);
    await Promise.race(long);
    await count("hi again", caller, "hi");
    assert.equal(answered.filter((name) => name.startsWith("long")).length, 1);
    await end(long);
    assert.deepEqual(counter.load, { jobs: 0, callers: 0 });
  });
}

test("a long text is counted beside a flood of short ones of another caller", async () => {
  await using counter = startCounter();
  const { answered, count, end } = recorder(counter);
  const flooding = new AbortController();
  const flood = async (): Promise<void> => {
    while (!flooding.signal.aborted) await count("short", "flood", "the quick brown fox ".repeat(50));
  };
  const lanes = Array.from({ length: 200 }, flood);
  await count("long", "patient", "a".repeat(500_000));
  flooding.abort();
  assert.ok(answered.includes("short"));
  await Promise.all(lanes);
  await end([]);
});

test("a caller's own long text is counted beside a flood of its short ones", async () => {
  await using counter = startCounter();
  const { count, end } = recorder(counter);
  const flooding = new AbortController();
  const flood = async (): Promise<void> => {
    while (!flooding.signal.aborted) await count("short", "flood", "the quick brown fox ".repeat(50));
  };
  const lanes = Array.from({ length: 200 }, flood);
  await count("long", "flood", "a".repeat(200_000));
  flooding.abort();
  await Promise.all(lanes);
  await end([]);
});

test("callers take turns with long texts, however many one has", async () => {
  await using counter = startCounter();
  const { answered, count, end } = recorder(counter);
  const text = "word ".repeat(220_000);
  const many = Array.from({ length: 6 }, (_, index) => count(`many ${index}`, "many", text));
  const few = Array.from({ length: 2 }, (_, index) => count(`few ${index}`, "few", text));
  await Promise.all(few);
  // The first of many was given to the thread before the others arrived.
  assert.deepEqual(answered, ["many 0", "many 1", "few 0", "many 2", "few 1"]);
  await end(many);
});

test("a chat of many texts does not delay a short one", async () => {
  await using counter = startCounter();
  const answered: string[] = [];
  const messages = Array.from({ length: 50_000 }, () => ({ role: "user", content: "the quick brown fox" }));
  const chat = counter.count({ model, messages }, { caller: "chat" }).then(() => answered.push("chat"));
  const hi = counter.count({ model, text: "hi" }, { caller: "hi" }).then(() => answered.push("hi"));
  await Promise.all([chat, hi]);
  assert.deepEqual(answered, ["hi", "chat"]);
});

test("an idle server counts the texts of a batch of 1,000 requests", async () => {
  await using store = await makeStore("PGlite");
  await using server = await startTestServer(store.environment);
  const name = { project: "batch", user: "alice" };
  await server.grpc.createBudget({ ...name, totalBudgetNanoUsd: 10n ** 12n });
  const value = { model: "gpt-4o-mini", inputText: "hello world", outputText: "hello" };
  const requests = Array.from({ length: 1000 }, () => ({
    ...name,
    source: { case: "text", value } as const,
  }));
  const { results } = await server.grpc.batchUpdateCost({ requests });
  assert.equal(results.filter(({ outcome }) => outcome.case === "response").length, 1000);
});
