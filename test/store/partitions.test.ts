import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { sql } from "kysely";
import { Duration } from "../../gen/es/budget/v1/budget_pb.ts";
import { pruneProject } from "../../src/engine/upkeep/prune.ts";
import { createStore } from "../../src/store/store.ts";
import { assertConserved } from "../support/conservation.ts";
import { passTime } from "../support/engine.ts";
import { makeStore, startTestServer } from "../support/server.ts";

const PROJECTS = Array.from({ length: 12 }, (_, index) => `project-${index}`);
const CHARGES = 5;

/** The statements of docs/scaling.md, one per line or several lines. */
async function statements(): Promise<string[]> {
  const page = await readFile(new URL("../../docs/scaling.md", import.meta.url), "utf8");
  const section = page.slice(page.indexOf("\n## Partitions\n"));
  const [, block = ""] = /```sql\n([^]*?)```/.exec(section) ?? [];
  return block.split(/;\n/).filter((statement) => statement.trim() !== "");
}

describe("the ledger in partitions by project", () => {
  it("supports charges, replays, reads and pruning as before", async () => {
    await using stack = new AsyncDisposableStack();
    const { environment } = stack.use(await makeStore("PostgreSQL"));
    const server = stack.use(await startTestServer(environment));
    const { kysely } = server.database;
    const source = { case: "cost" as const, value: { model: "m", costNanoUsd: 3n } };
    const chargeAll = (kind: string) =>
      Promise.all(
        PROJECTS.flatMap((project) =>
          Array.from({ length: CHARGES }, (_, index) =>
            server.grpc.updateCost({ project, user: "u", requestId: `${kind}-${index}`, source }),
          ),
        ),
      );
    for (const project of PROJECTS) {
      await server.grpc.createBudget({
        project,
        user: "u",
        totalBudgetNanoUsd: 100n,
        duration: Duration.DAILY,
      });
    }
    await chargeAll("before");

    const lines = await statements();
    assert.equal(lines.length, 16);
    await kysely.connection().execute(async (connection) => {
      for (const line of lines) await sql.raw(line).execute(connection);
    });

    const repeated = await chargeAll("before");
    assert.ok(repeated.every(({ replayed }) => replayed));
    for (const project of PROJECTS) await passTime(kysely, project, 48);
    const charged = await chargeAll("after");
    assert.ok(charged.every(({ replayed }) => !replayed));
    const { rows } = await sql<{ partitions: number }>`
      select count(distinct tableoid)::integer as partitions from entries`.execute(kysely);
    assert.ok((rows[0]?.partitions ?? 0) > 1);
    const { entries } = await server.grpc.listCostEntries({ project: "project-3" });
    assert.equal(entries.length, 2 * CHARGES);

    const store = createStore({ database: server.database, retryMsMax: 0, onRetry: () => {} });
    const { signal } = new AbortController();
    const beforeUs = BigInt(Date.now()) * 1000n - 86_400_000_000n;
    const bounds = { project: "project-3", beforeUs, dryRun: false, signal };
    assert.equal((await pruneProject(store, bounds)).entries, CHARGES);
    const left = await kysely.selectFrom("entries").select("project").execute();
    assert.equal(left.length, (2 * PROJECTS.length - 1) * CHARGES);
    await assertConserved(kysely);
  });
});
