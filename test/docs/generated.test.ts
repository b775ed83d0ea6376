import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const cwd = new URL("../../", import.meta.url);

test("gen/ is what buf generates from proto/ now", async () => {
  const { stdout } = await run(process.execPath, ["scripts/check-generated.ts"], { cwd });
  assert.equal(stdout, "");
});

test("the proto is clean of buf lint, and breaks nothing that was released", async () => {
  const { stdout } = await run("npm", ["run", "--silent", "check:proto"], { cwd });
  assert.equal(stdout, "");
});
