import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import type { Figure } from "../../bench/service/figure.ts";
import { ROOT } from "../support/program.ts";

const run = promisify(execFile);
const bench = (...args: string[]) => run(process.execPath, ["bench/service.ts", ...args], { cwd: ROOT });

describe("npm run bench", () => {
  it("refuses unknown flags, with exit code 2", async () => {
    for (const args of [
      ["--second", "1"],
      ["--seconds", "0"],
      ["--only", "throughput,speed"],
    ]) {
      await assert.rejects(bench(...args), { code: 2, stderr: /^bench: [^\n]+\n$/ });
    }
  });

  it("measures, prints a line for each figure, and writes the same figures as JSON", async () => {
    await using stack = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), "purser-bench-test-"));
    stack.defer(() => rm(folder, { recursive: true }));
    const json = join(folder, "figures.json");
    const { stdout } = await bench(
      "--only",
      "batches,latency",
      "--rounds",
      "1",
      "--seconds",
      "1",
      "--json",
      json,
    );
    const { figures } = JSON.parse(await readFile(json, "utf8")) as { figures: Figure[] };
    assert.equal(figures.length, 7);
    for (const { name, value, least, most } of figures) {
      assert.ok(stdout.includes(`\n${name}`), name);
      assert.ok(value > 0 && least <= value && value <= most, name);
    }
  });
});
