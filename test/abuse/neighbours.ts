import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { startPostgres, withClient } from "../support/postgres.ts";
import { perRun } from "../support/run.ts";
import { createHolds, openWatches, postLargeMap } from "./neighbours/work.ts";
import { shown, startBystander } from "./server/bystander.ts";
import { startTarget, type Target } from "./server/target.ts";

/** Measures what heavy but allowed use of a server costs an unrelated caller. Run by `npm run test:abuse`. */

const IDLE_CALLS_MIN = 100;

/**
 * Runs work while a bystander calls the server; no call of the bystander may fail. Prints the bystander's times without
 * and with the work.
 */
async function beside(what: string, target: Target, work: () => Promise<void>): Promise<void> {
  await using bystander = startBystander(target.grpcPort);
  await bystander.called(IDLE_CALLS_MIN);
  const idle = await bystander.lap();
  await work();
  const during = await bystander.stop();
  process.stdout.write(`${what}\n  idle:   ${shown(idle)}\n  during: ${shown(during)}\n`);
  assert.deepEqual(target.complaints(), [], "errors in the log of the server");
}

describe("a bystander", () => {
  it("is answered while thousands watch a budget that changes (PGlite)", async () => {
    await using target = await startTarget("PGlite");
    const watchers = perRun(200, 2_000);
    await beside(`${watchers} watchers`, target, () =>
      openWatches(target, { watchers, changes: perRun(5, 20) }),
    );
    await target.stop();
  });

  it("is answered while a large map is posted, read and posted back (PGlite)", async () => {
    await using target = await startTarget("PGlite", { LEGACY_BYTES_MAX: String(64 * 2 ** 20) });
    const users = perRun(2_000, 100_000);
    await beside(`a map of ${users} users`, target, () => postLargeMap(target, users));
    // The laws compare every budget with all entries, which takes the embedded store hours for 100,000 budgets.
    await target.stop({ checksLaws: users <= 10_000 });
  });

  it("is answered while many holds expire at once (PGlite)", async () => {
    await using target = await startTarget("PGlite", { SWEEP_INTERVAL_MS: "1000" });
    const holds = perRun(1_000, 100_000);
    await beside(`${holds} holds that expire at once`, target, () => createHolds(target, holds));
    await target.stop();
  });

  it("is answered while another session holds the lock of a budget, whose own callers get UNAVAILABLE", async () => {
    await using stack = new AsyncDisposableStack();
    const postgres = stack.use(await startPostgres());
    const url = await postgres.createDatabase();
    const timeouts = { DATABASE_TIMEOUT_MS: "1000", DATABASE_RETRY_MS_MAX: "1000" };
    const target = stack.use(await startTarget("PostgreSQL", { ...timeouts, DATABASE_URL: url }));
    const client = createClient(
      BudgetService,
      createGrpcTransport({ baseUrl: `http://127.0.0.1:${target.grpcPort}` }),
    );
    const name = { project: "locked", user: "locked" };
    await client.createBudget({ ...name, totalBudgetNanoUsd: 10n ** 12n });
    const charge = () =>
      client.updateCost({ ...name, source: { case: "cost", value: { model: "m", costNanoUsd: 1n } } }).then(
        () => "charged",
        (error: unknown) => Code[ConnectError.from(error).code],
      );
    const lockMs = perRun(4_000, 30_000);
    const answers: (string | undefined)[] = [];
    await beside(`one budget locked for ${lockMs / 1000} s by another session`, target, () =>
      withClient(url, async (session) => {
        await session.query("begin");
        await session.query("select 1 from budgets where project = 'locked' for update");
        const until = performance.now() + lockMs;
        while (performance.now() < until) {
          // Several callers at once: together they must not take the places of all others.
          answers.push(...(await Promise.all(Array.from({ length: 8 }, charge))));
        }
        await session.query("rollback");
      }),
    );
    assert.deepEqual([...new Set(answers)], ["Unavailable"], "what callers of the locked budget are told");
    assert.equal(await charge(), "charged");
    await target.stop();
  });
});
