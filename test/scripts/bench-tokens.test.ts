import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import type { Results } from "../../bench/tokens/report.ts";
import { ROOT } from "../support/program.ts";

const run = promisify(execFile);

test("npm run bench:tokens measures everything, and says it in words and in JSON", async () => {
  const folder = await mkdtemp(join(tmpdir(), "purser-bench-test-"));
  try {
    const json = join(folder, "results.json");
    const args = ["bench/tokens.ts", "--seconds", "1", "--seed", "7", "--json", json];
    const { stdout } = await run(process.execPath, args, { cwd: ROOT });
    assert.match(stdout, /seed 7; once\n/);
    assert.match(stdout, /the letter a, 125000 tokens\n/);
    assert.match(stdout, /the target is at most 20 ms: (?:met|missed)\n/);
    const results = JSON.parse(await readFile(json, "utf8")) as Results;
    assert.equal(results.megabytes.length, 7);
    assert.ok(results.throughput.every(({ countsPerSecond }) => countsPerSecond > 0));
    assert.ok(results.worst.texts > 0 && results.worst.recipe.kinds.length > 0);
    assert.ok(results.delay.busyCalls >= 100 && results.delay.busyP99 > 0);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("npm run bench:tokens refuses flags that it does not know, with code 2", async () => {
  for (const args of [
    ["--second", "1"],
    ["--seconds", "soon"],
  ]) {
    await assert.rejects(run(process.execPath, ["bench/tokens.ts", ...args], { cwd: ROOT }), {
      code: 2,
      stderr: /^bench:tokens: [^\n]+\n$/,
    });
  }
});
