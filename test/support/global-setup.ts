import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Postgres, startOwnPostgres } from "./postgres.ts";

/**
 * What the test runner does once, before it starts the test files: `--test-global-setup`. The files inherit the environment.
 * A file that runs alone, without this, works as well.
 */
let shared: Postgres | undefined;

export async function globalSetup(): Promise<void> {
  // All files, and the programs that they start, load the same modules. The cache holds what Node has compiled of them.
  process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), `purser-compile-cache-${process.getuid?.() ?? "user"}`);
  // One PostgreSQL for all files, because starting one takes a second of both cores.
  if ((process.env.TEST_DATABASE_URL ?? "") !== "") return;
  shared = await startOwnPostgres(["-c", "fsync=off"]);
  process.env.TEST_DATABASE_URL = shared.url;
}

export async function globalTeardown(): Promise<void> {
  await shared?.[Symbol.asyncDispose]();
}
