import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

test("the demo prints a chat's cost, recorded responses, a table, and a budget that is exceeded", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["examples/demo.ts"], {
    cwd: new URL("../../", import.meta.url),
  });
  assert.match(stdout, /At worst, with 1000 tokens of answer: \$0\.0100825\./);
  assert.match(stdout, /anthropic-message\.json +\$0\.0211986/);
  assert.match(stdout, /replayed: yes/);
  assert.match(stdout, /charged \$0\.0125, over budget: yes/);
  assert.match(stdout, /alice +\$10\.00 +\$0\.0342019 +\$9\.9657981/);
  assert.match(stdout, /bob +\$0\.01 +\$0\.0125 +-\$0\.0025/);
});
