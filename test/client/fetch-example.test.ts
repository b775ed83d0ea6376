import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

test("the example of budgetFetch pays for an answer and a stream, and its third call is refused", async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--conditions=purser-source", "examples/budget-fetch.ts"],
    {
      cwd: new URL("../../", import.meta.url),
    },
  );
  assert.deepEqual(stdout.split("\n"), [
    "whole:    330 metres.  ($0.0003021 spent)",
    "streamed: 330 metres.  ($0.0006042 spent)",
    "refused:  it may cost $0.0096021, and $0.0093958 of $0.01 are left",
    "",
  ]);
});
