import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import { Worker } from "node:worker_threads";

/**
 * Names that callers make up. They are looked up on a separate thread, so that an endless search cannot block the test.
 */

const worker = new Worker(new URL("./prices-hostile.worker.ts", import.meta.url));
after(() => worker.terminate());

/** The entries that the price lists find for a name; rejects if there is no answer in time. */
async function lookUp(name: string): Promise<(string | undefined)[]> {
  worker.postMessage(name);
  const [found] = await once(worker, "message", { signal: AbortSignal.timeout(60_000) });
  return found as (string | undefined)[];
}

const REPEATED = [
  "-v1:0",
  ":0",
  "-2025-09-29",
  "-20250929",
  "@2025-0929",
  "-05-20",
  "-latest",
  "-v1.0",
  ":200k",
  ".ft-",
  "us.",
  "ft:",
  "/",
  "a",
  "0",
  " ",
];

for (const part of REPEATED) {
  test(`a name that repeats ${JSON.stringify(part)} is looked up in time`, async () => {
    for (const family of [
      "claude-opus-4-6",
      "gpt-4o",
      "gemini-2.5-pro",
      "openai/gpt-5",
      "bedrock/us.anthropic.",
    ]) {
      for (const name of [
        `${family}${part.repeat(40)}!`,
        `${family}${part.repeat(256 / part.length)}x`,
        `${family}${part.repeat(10_000)}!`,
        `${part.repeat(10_000)}${family}?`,
      ]) {
        assert.equal((await lookUp(name)).length, 2, name.slice(0, 60));
      }
    }
  });
}

test("the name that once froze the server has no price", async () => {
  assert.deepEqual(await lookUp(`claude-opus-4-6${"-v1:0".repeat(40)}!`), [undefined, undefined]);
});
