import { type Postgres, startOwnPostgres } from "./postgres.ts";

/**
 * Starts one PostgreSQL for all test files of a run, unless TEST_DATABASE_URL names one. The test runner calls it before it
 * starts the files: `--test-global-setup`. A file that runs alone, without this, starts its own.
 */
let shared: Postgres | undefined;

export async function globalSetup(): Promise<void> {
  if ((process.env.TEST_DATABASE_URL ?? "") !== "") return;
  shared = await startOwnPostgres(["-c", "fsync=off"]);
  process.env.TEST_DATABASE_URL = shared.url;
}

export async function globalTeardown(): Promise<void> {
  await shared?.[Symbol.asyncDispose]();
}
