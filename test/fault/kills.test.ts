import assert from "node:assert/strict";
import { describe, it } from "node:test";
import pino from "pino";
import { loadConfig } from "../../src/config.ts";
import { openDatabase } from "../../src/server/server.ts";
import { makeBudgets, startLoad } from "../support/load.ts";
import { startOwnPostgres } from "../support/postgres.ts";
import { startRestartable } from "../support/restartable.ts";
import { createRandom, perRun, SEED } from "../support/run.ts";
import { makeStore, STORES, startTestServer } from "../support/server.ts";

const KILLS = perRun(2, 20);

/** The store after the server has ended. */
const openStore = (environment: Record<string, string>) =>
  openDatabase(loadConfig(environment), pino({ level: "silent" }));

describe("after SIGKILL in the middle of load", () => {
  for (const kind of STORES) {
    it(`of the server, on ${kind}, every operation is applied exactly once`, async () => {
      await using stack = new AsyncDisposableStack();
      const { environment } = stack.use(await makeStore(kind));
      const random = createRandom(SEED);
      let load: ReturnType<typeof startLoad>;
      {
        await using program = await startRestartable(environment);
        await makeBudgets(await program.client());
        load = startLoad(() => program.client(), SEED);
        for (let kill = 0; kill < KILLS; kill++) {
          await load.answered(50 + random.below(200));
          await program.killAndRestart();
        }
        await load.answered(100);
        await load.stop();
      }
      const database = stack.use(await openStore(environment));
      const { repeated } = await load.check(database.kysely);
      assert.ok(repeated > 0, "no call was under way at any kill");
    });
  }

  it("of PostgreSQL, every operation is applied exactly once", async () => {
    await using stack = new AsyncDisposableStack();
    const postgres = stack.use(await startOwnPostgres());
    const environment = { DATABASE_URL: await postgres.createDatabase() };
    const server = stack.use(await startTestServer(environment));
    await makeBudgets(server.grpc);
    const random = createRandom(SEED);
    const load = startLoad(async () => server.grpc, SEED);
    for (let kill = 0; kill < KILLS; kill++) {
      await load.answered(50 + random.below(200));
      await postgres.killAndRestart();
    }
    await load.answered(100);
    await load.stop();
    await load.check(server.database.kysely);
  });
});
