import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Duration } from "../../gen/es/budget/v1/budget_pb.ts";
import { assertConserved } from "../support/conservation.ts";
import { makeDataFolder } from "../support/embedded.ts";
import { passTime } from "../support/engine.ts";
import { startPostgres } from "../support/postgres.ts";
import { startProgram } from "../support/program.ts";
import { makeStore, startTestServer } from "../support/server.ts";

const fromNow = (ms: number): string => new Date(Date.now() + ms).toISOString();
const yesterday = (): string => fromNow(-86_400_000);
/** Later than a program on a slow machine takes to start. */
const inTwoMinutes = (): string => fromNow(120_000);

/** The output of the command, and its exit code. */
async function prune(environment: Record<string, string>, ...args: string[]) {
  await using program = startProgram(environment, ["prune", ...args]);
  const code = await program.ended();
  return { code, stdout: program.stdout, stderr: program.stderr };
}

describe("purser prune", () => {
  it("deletes old rows while a server runs, and prints what it deleted", async () => {
    await using stack = new AsyncDisposableStack();
    const { environment } = stack.use(await makeStore("PostgreSQL"));
    const server = stack.use(await startTestServer(environment));
    const source = { case: "cost" as const, value: { model: "m", costNanoUsd: 5n } };
    for (const project of ["one", "two"]) {
      const name = { project, user: "u" };
      await server.grpc.createBudget({ ...name, totalBudgetNanoUsd: 100n, duration: Duration.DAILY });
      await server.grpc.updateCost({ ...name, source });
      await passTime(server.database.kysely, project, 72);
      await server.grpc.updateCost({ ...name, source });
    }
    const left = async (): Promise<number[]> => {
      const pages = ["one", "two"].map((project) => server.grpc.listCostEntries({ project }));
      return (await Promise.all(pages)).map(({ entries }) => entries.length);
    };
    const gone = "1 ledger entry (0 earlier ones stay), 0 reservations, 1 period, 1 cost of a model";
    const before = yesterday();

    const dry = await prune(environment, "--before", before, "--dry-run", "--project", "one");
    assert.deepEqual([dry.code, dry.stderr], [0, ""]);
    assert.match(dry.stdout, /^PostgreSQL at \S+: would delete data from before \d{4}-/);
    assert.ok(dry.stdout.endsWith(`\none: ${gone}\n`), dry.stdout);
    assert.deepEqual(await left(), [2, 2]);

    const one = await prune(environment, "--before", before, "--project", "one");
    assert.deepEqual([one.code, one.stderr], [0, ""]);
    assert.deepEqual(await left(), [1, 2]);

    const all = await prune(environment, "--before", before);
    const none = "0 ledger entries (0 earlier ones stay), 0 reservations, 0 periods, 0 costs of models";
    assert.ok(all.stdout.endsWith(`\none: ${none}\ntwo: ${gone}\nin total: ${gone}\n`), all.stdout);
    assert.deepEqual(await left(), [1, 1]);
    await assertConserved(server.database.kysely);
  });

  it("refuses impossible arguments with one line", async () => {
    await using stack = new AsyncDisposableStack();
    const folder = await makeDataFolder();
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const inUse = { DATA_DIR: folder };
    stack.use(await startTestServer(inUse));
    const postgres = stack.use(await startPostgres());
    const fresh = { DATABASE_URL: await postgres.createDatabase() };
    const used = { DATABASE_URL: await postgres.createDatabase() };
    stack.use(await startTestServer(used));
    const cases: [Record<string, string>, () => string, number, RegExp][] = [
      [used, () => "soon", 2, /--before: must be a date/],
      [used, inTwoMinutes, 1, /--before: must not be in the future; the database's clock shows \d/],
      [inUse, yesterday, 1, /is in use by another server/],
      [fresh, yesterday, 1, /has never been used by Purser/],
      [{ DATA_DIR: join(tmpdir(), "purser-none") }, yesterday, 1, /there is no folder /],
      [{ DATABASE_URL: "postgres://u@127.0.0.1:1/db" }, yesterday, 1, /ECONNREFUSED/],
      [{ DATABASE_URL: "nowhere" }, yesterday, 1, /DATABASE_URL="nowhere" is not allowed/],
    ];
    for (const [environment, before, code, line] of cases) {
      const refused = await prune(environment, "--before", before());
      assert.deepEqual([refused.code, refused.stdout], [code, ""]);
      assert.match(refused.stderr, /^purser: [^\n]+\n$/);
      assert.match(refused.stderr, line);
    }
  });
});
