import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { ROOT } from "../support/program.ts";

test("the example of BudgetManager runs unchanged, without a server", async () => {
  const command = ["--conditions=purser-source", "examples/budget-manager.ts"];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, command, { cwd: ROOT });
  assert.equal(stderr, "");
  assert.deepEqual(stdout.split("\n"), [
    "The prompt would bring alice to $0.0000021 of $10.",
    "The call cost $0.0003933, and $9.9996067 are left.",
    "By its texts, another cost $0.0000057.",
    'By model: {"gpt-4o-mini":0.0000057,"gpt-4o-mini-2024-07-18":0.0003933}.',
    "In all, alice has spent $0.000429.",
    'No such user: no budget for user "mallory" in project "my-project"; createBudget creates one.',
    'UNPRICED_MODEL: no price is known for model "gpt-4o-minj"; nearest: gpt-4o-mini, gpt-4o-mini-tts, gpt-4.1-mini.',
    "After a reset: $0.",
    "",
  ]);
});
