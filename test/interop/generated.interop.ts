import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

const cwd = new URL("../../", import.meta.url);

test("gen/python is what protoc generates from proto/", async () => {
  const command = ["scripts/check-generated.ts", "python"];
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd });
  assert.equal(stdout, "");
});
