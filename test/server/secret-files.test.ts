import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { startProgram } from "../support/program.ts";
import { makeStore } from "../support/server.ts";

/** A database whose URL is in a file, with a line break at its end, as editors and secret stores write it. */
async function storeInFile(): Promise<
  AsyncDisposable & { environment: Record<string, string>; path: string }
> {
  const store = await makeStore("PostgreSQL");
  const folder = await mkdtemp(join(tmpdir(), "purser-secret-"));
  const path = join(folder, "url");
  await writeFile(path, `${store.environment.DATABASE_URL}\n`);
  return {
    environment: { DATABASE_URL_FILE: path },
    path,
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true });
      await store[Symbol.asyncDispose]();
    },
  };
}

suite("The URL of the database in a file", { concurrency: 2 }, () => {
  test("is used by the server, by each of several workers, and by prune", async () => {
    await using store = await storeInFile();
    {
      await using program = startProgram({ ...store.environment, WORKERS: "2" });
      await program.saying(/store +PostgreSQL at/);
      program.process.kill("SIGTERM");
      assert.equal(await program.ended(), 0);
    }
    await using prune = startProgram(store.environment, ["prune", "--before", "2026-01-01"]);
    assert.equal(await prune.ended(), 0, prune.stderr);
    assert.match(prune.stdout, /^PostgreSQL at \S+: deleting data/);
  });

  test("stops the start with one line if it cannot be used", async () => {
    await using store = await storeInFile();
    const line = async (environment: Record<string, string>, ...args: string[]): Promise<string> => {
      await using program = startProgram(environment, args);
      assert.equal(await program.ended(), 1);
      return program.stderr;
    };
    const missing = { DATABASE_URL_FILE: `${store.path}-missing` };
    const complaint = /^purser: DATABASE_URL_FILE="[^"]+-missing": ENOENT: no such file[^\n]+\n$/;
    assert.match(await line(missing), complaint);
    assert.match(await line({ ...missing, WORKERS: "2" }), complaint);
    assert.match(await line(missing, "prune", "--before", "2026-01-01"), complaint);
    assert.equal(
      await line({ ...store.environment, DATABASE_URL: "postgres://host/db" }),
      "purser: DATABASE_URL and DATABASE_URL_FILE are both set: remove one of them\n",
    );
    await writeFile(store.path, "postgres://u:s3cret@");
    assert.match(
      await line(store.environment),
      /^purser: DATABASE_URL="postgres:\/\/u:\*\*\*@" is not allowed/,
    );
  });
});
