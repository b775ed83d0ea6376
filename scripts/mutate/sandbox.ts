import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyTree } from "./copy-tree.ts";
import { type Database, startDatabase } from "./database.ts";
import { type Ended, runTest } from "./run-test.ts";

/** A copy of the repository in which one test file runs at a time. */
export interface Sandbox {
  readonly root: string;
  /** @param coverageFolder where the test's processes say what they executed. */
  run(test: string, options: { timeoutMs: number; coverageFolder?: string }): Promise<Ended>;
}

export interface Sandboxes extends AsyncDisposable {
  readonly all: readonly Sandbox[];
  /** An empty folder that goes with the sandboxes. */
  makeFolder(): string;
}

/** Makes copies of the repository, and a PostgreSQL for the tests in them. All of it goes when it is disposed of. */
export async function openSandboxes(root: string, count: number): Promise<Sandboxes> {
  const folder = mkdtempSync(join(tmpdir(), "purser-mutate-"));
  // A test's own PostgreSQL may run as another user, which has to reach its folder.
  chmodSync(folder, 0o755);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  const database = await startDatabase();
  let folders = 0;
  const makeFolder = () => {
    const path = join(folder, `folder-${++folders}`);
    mkdirSync(path);
    return path;
  };
  return {
    all: Array.from({ length: count }, () => makeSandbox(root, makeFolder, database)),
    makeFolder,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      process.off("exit", remove);
      remove();
    },
  };
}

function makeSandbox(root: string, makeFolder: () => string, database: Database): Sandbox {
  const copy = makeFolder();
  const temporary = makeFolder();
  const cache = makeFolder();
  copyTree(root, copy);
  return {
    root: copy,
    async run(test, { timeoutMs, coverageFolder }) {
      const environment = {
        ...process.env,
        TEST_DATABASE_URL: database.url,
        TMPDIR: temporary,
        NODE_TEST_CONTEXT: undefined,
        PURSER_TEST_LONG: undefined,
        // Coverage is not exact for code from a cache.
        NODE_V8_COVERAGE: coverageFolder,
        NODE_COMPILE_CACHE: coverageFolder === undefined ? cache : undefined,
      };
      const ended = await runTest(test, { cwd: copy, environment, timeoutMs });
      await database.drop(ended.pid);
      removeLeftovers(temporary);
      return ended;
    },
  };
}

/** A killed test leaves its folders. The binaries of PostgreSQL stay, because they take long to copy. */
function removeLeftovers(folder: string): void {
  for (const name of readdirSync(folder).filter((each) => !/^purser-postgres-\d/.test(each))) {
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** Gives each item to the next sandbox that is free. */
export async function onSandboxes<T>(
  sandboxes: readonly Sandbox[],
  items: readonly T[],
  work: (sandbox: Sandbox, item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  await Promise.all(
    sandboxes.map(async (sandbox) => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(sandbox, item);
    }),
  );
}
