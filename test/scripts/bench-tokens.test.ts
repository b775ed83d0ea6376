import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { ROOT } from "../support/program.ts";

const run = promisify(execFile);

test("npm run bench:tokens refuses unknown flags, with exit code 2", async () => {
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
