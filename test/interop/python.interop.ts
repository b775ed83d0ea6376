import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { makeSecret } from "../../src/server/keys/secret.ts";
import { makeDataFolder } from "../support/embedded.ts";
import { startProgram } from "../support/program.ts";
import { explained, installPackage, PACKAGE } from "./python/package.ts";

const run = promisify(execFile);

describe("the Python client", () => {
  const stack = new AsyncDisposableStack();
  after(() => stack.disposeAsync());
  let python: string;
  let site: string;

  before(async () => {
    ({ python, site } = stack.use(await installPackage()));
  });

  it("has its types and its generated code in its package", async () => {
    const packed = await readdir(join(site, "purser"), { recursive: true });
    for (const name of ["py.typed", "v1/budget_service_pb2.py", "v1/budget_service_pb2.pyi"]) {
      assert.ok(packed.includes(name), `${name} is not among ${packed.join(", ")}`);
    }
  });

  it("passes its tests on a running server, examples included", async (t) => {
    const folder = await makeDataFolder();
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const server = stack.use(startProgram({ DATA_DIR: folder }));
    const [address = ""] = await server.saying(/gRPC +(127\.0\.0\.1:\d+)\n/);
    const keyedFolder = await makeDataFolder();
    stack.defer(() => rm(keyedFolder, { recursive: true, force: true }));
    const operatorKey = makeSecret();
    const keyed = stack.use(startProgram({ DATA_DIR: keyedFolder, PURSER_OPERATOR_KEY: operatorKey }));
    const [keyedAddress = ""] = await keyed.saying(/gRPC +(127\.0\.0\.1:\d+)\n/);
    const environment = {
      ...process.env,
      PYTHONPATH: site,
      PURSER_ADDRESS: address,
      KEYED_ADDRESS: keyedAddress,
      KEYED_OPERATOR_KEY: operatorKey,
    };
    const args = ["-m", "pytest", "--quiet", "--color=no"];
    const { stdout } = await explained(run(python, args, { cwd: PACKAGE, env: environment }));
    const [summary] = /\d+ passed.*/.exec(stdout) ?? [];
    assert.ok(summary !== undefined, stdout);
    assert.doesNotMatch(summary, /skipped|xfailed|deselected/);
    t.diagnostic(`pytest: ${summary}`);
  });
});
