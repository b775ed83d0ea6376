import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { ROOT } from "../support/program.ts";
import { pythonVenv } from "../support/python.ts";
import { explained, PACKAGE, pinned } from "./python/package.ts";

const run = promisify(execFile);

test("the Python client passes its type checks, lint and format", async (t) => {
  const { python } = await pythonVenv([
    "--no-deps",
    "--no-compile",
    ...(await pinned("requirements-lint.txt")),
  ]);
  const cache = await mkdtemp(join(tmpdir(), "purser-mypy-"));
  t.after(() => rm(cache, { recursive: true, force: true }));
  const inPackage = (...args: string[]) => explained(run(python, ["-m", ...args], { cwd: PACKAGE }));
  await inPackage("mypy", "--no-error-summary", "--cache-dir", cache);
  const options = ["--quiet", "--no-cache", "--config", "pyproject.toml"];
  const sources = ["src", "tests", join(ROOT, "examples/python")];
  await inPackage("ruff", "check", ...options, ...sources);
  await inPackage("ruff", "format", "--check", ...options, ...sources);
});
