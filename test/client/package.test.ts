import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import { makeDataFolder } from "../support/embedded.ts";
import { ROOT, startProgram } from "../support/program.ts";

const run = promisify(execFile);
const MODULES = await realpath(join(ROOT, "node_modules"));

/** A program of a user who has installed the package. */
const PROGRAM = `
import { BudgetManager, type BudgetRecord, createPurserClient, BudgetNotFoundError } from "purser/client";

const apiBase = process.argv[2] ?? "";
await using local = new BudgetManager("p", { dataDir: "memory://" });
for (const budgets of [local, new BudgetManager("p", { apiBase })]) {
  const record: BudgetRecord = await budgets.createBudget(10, "alice", "monthly");
  const texts = { model: "gpt-4o-mini", inputText: "hello world", outputText: "it is" };
  const { cost } = await budgets.updateCost("alice", texts);
  const isUnknown = await budgets.getTotalBudget("bob").catch((error: unknown) => error instanceof BudgetNotFoundError);
  process.stdout.write(JSON.stringify([record.totalBudget, cost, isUnknown]) + "\\n");
}
const { budget } = await createPurserClient({ baseUrl: apiBase }).getBudget({ project: "p", user: "alice" });
const spent: bigint | undefined = budget?.spentNanoUsd;
process.stdout.write(String(spent) + "\\n");
`;

/** The modules that a client of a server loads. */
const LOADED = `
import { registerHooks } from "node:module";
const loaded = [];
registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
const { BudgetManager } = await import("purser/client");
new BudgetManager("p", { apiBase: "http://127.0.0.1:8080" });
process.stdout.write(JSON.stringify(loaded));
`;

suite("The package", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "purser-package-"));
    // Lists the packed files, so that no tool has to unpack an archive.
    const { stdout } = await run("npm", ["pack", "--silent", "--dry-run", "--json"], { cwd: ROOT });
    const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
    const installed = join(folder, "node_modules/purser");
    for (const { path } of files) await cp(join(ROOT, path), join(installed, path));
    for (const name of await readdir(MODULES)) {
      if (!name.startsWith(".")) await symlink(join(MODULES, name), join(folder, "node_modules", name));
    }
    const compilerOptions = {
      module: "nodenext",
      target: "esnext",
      strict: true,
      noEmit: true,
      types: ["node"],
    };
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    await writeFile(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions, files: ["program.ts"] }),
    );
    await writeFile(join(folder, "program.ts"), PROGRAM);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test("exports BudgetManager with types, for a server and for use in the caller's process", async () => {
    const compiler = join(MODULES, "typescript/bin/tsc");
    const data = await makeDataFolder();
    try {
      await using server = startProgram({ DATA_DIR: data });
      const [url = ""] = await server.saying(/Connect, gRPC-Web +(http\S+)/);
      const [{ stdout }] = await Promise.all([
        run(process.execPath, ["program.ts", url], { cwd: folder }),
        run(process.execPath, [compiler], { cwd: folder }),
      ]);
      assert.deepEqual(stdout.split("\n"), ["[10,0.0000015,true]", "[10,0.0000015,true]", "1500", ""]);
    } finally {
      await rm(data, { recursive: true, force: true });
    }
  });

  test("loads no server code for a client of a server", async () => {
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", LOADED], {
      cwd: folder,
    });
    const loaded = JSON.parse(stdout) as string[];
    assert.ok(loaded.some((url) => url.endsWith("/purser/dist/src/client/budget-manager.js")));
    const heavy =
      /\/(?:server|engine|store|workers)\/|pglite|kysely|\/pg\/|pino|tiktoken|genai-prices|grpc-js/;
    assert.deepEqual(
      loaded.filter((url) => heavy.test(url)),
      [],
    );
  });

  test("has a program that starts the server", async () => {
    const installed = join(folder, "node_modules/purser");
    const { bin } = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as {
      bin: { purser: string };
    };
    const program = join(installed, bin.purser);
    assert.match(await readFile(program, "utf8"), /^#!\/usr\/bin\/env node\n/);
    assert.notEqual((await stat(program)).mode & 0o100, 0);
    const started = run(process.execPath, [program], {
      env: { PATH: process.env.PATH, GRPC_PORT: "eighty" },
    });
    await assert.rejects(started, { code: 1, stderr: /^purser: GRPC_PORT="eighty" is not allowed/ });
  });
});
