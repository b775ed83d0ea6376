import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const cwd = new URL("../../", import.meta.url);

test("gen/es is what buf generates from proto/", async () => {
  const { stdout } = await run("npm", ["exec", "--", "node", "scripts/check-generated.ts", "es"], { cwd });
  assert.equal(stdout, "");
});

test("the proto passes buf lint and breaks nothing that was released", async () => {
  const { stdout } = await run("npm", ["run", "--silent", "check:proto"], { cwd });
  assert.equal(stdout, "");
});
