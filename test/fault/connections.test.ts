import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "kysely";
import { makeBudgets, startLoad } from "../support/load.ts";
import { startPostgres } from "../support/postgres.ts";
import { type Fault, startProxy } from "../support/proxy.ts";
import { createRandom, perRun, SEED } from "../support/run.ts";
import { startTestServer } from "../support/server.ts";

const STRIKES = perRun(2, 20);
const FAULTS: readonly Fault[] = ["cut the answer", "stall the answer", "swallow the commit"];

describe("a connection to PostgreSQL that fails at COMMIT", () => {
  for (const fault of FAULTS) {
    it(`(${fault}) has its batch retried, and every operation is applied exactly once`, async () => {
      await using stack = new AsyncDisposableStack();
      const postgres = stack.use(await startPostgres());
      const proxy = stack.use(await startProxy(await postgres.createDatabase()));
      const environment = {
        DATABASE_URL: proxy.url,
        DATABASE_TIMEOUT_MS: "300",
        DATABASE_RETRY_MS_MAX: "60000",
        SWEEP_INTERVAL_MS: "3600000",
      };
      const server = stack.use(await startTestServer(environment));
      await makeBudgets(server.grpc);
      const random = createRandom(SEED);
      const load = startLoad(async () => server.grpc, SEED);
      for (let strike = 0; strike < STRIKES; strike++) {
        await load.answered(30 + random.below(100));
        await load.unlessFailed(proxy.strike(fault));
      }
      await load.answered(100);
      await load.stop();
      const { repeated } = await load.check(server.database.unlimited);
      // The server retries the batch by itself, so its callers notice nothing.
      assert.equal(repeated, 0);
    });
  }

  it("is not used again, so that no query gets the answer to another one", async () => {
    await using stack = new AsyncDisposableStack();
    const postgres = stack.use(await startPostgres());
    const proxy = stack.use(await startProxy(await postgres.createDatabase()));
    const server = stack.use(
      await startTestServer({
        DATABASE_URL: proxy.url,
        DATABASE_TIMEOUT_MS: "300",
        DATABASE_CONNECTIONS_MAX: "3",
      }),
    );
    const { kysely } = server.database;
    // More than the pool has: if failed connections went back to the pool, it would have no other to give.
    for (let time = 0; time < 5; time++) {
      await assert.rejects(sql`select pg_sleep(3600)`.execute(kysely), { name: "NoAnswer" });
      const { rows } = await sql<{ n: number }>`select ${time}::integer as n`.execute(kysely);
      assert.deepEqual(rows, [{ n: time }]);
    }
  });
});
