import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { makeBudgets, startLoad } from "../support/load.ts";
import { startPostgres, withClient } from "../support/postgres.ts";
import { SEED } from "../support/run.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { type PgBouncer, startPgBouncer } from "./pgbouncer.ts";

// Fewer sessions than two servers would open by themselves, so that sessions change hands all the time.
const POOL_SIZE = 4;

describe("through PgBouncer in transaction mode", () => {
  const stack = new AsyncDisposableStack();
  let databaseUrl: string;
  let pgbouncer: PgBouncer;
  let one: TestServer;
  let two: TestServer;
  before(async () => {
    const postgres = stack.use(await startPostgres());
    databaseUrl = await postgres.createDatabase();
    // Usually set when a connection opens: the pooler has to keep these settings for each client.
    await withClient(databaseUrl, (client) =>
      client.query(`alter database ${new URL(databaseUrl).pathname.slice(1)} set DateStyle = 'German'`),
    );
    pgbouncer = stack.use(await startPgBouncer(databaseUrl, POOL_SIZE));
    const environment = { DATABASE_URL: pgbouncer.url, SWEEP_INTERVAL_MS: "100", WATCH_POLL_MS: "100" };
    one = stack.use(await startTestServer(environment));
    two = stack.use(await startTestServer(environment));
  });
  after(() => stack.disposeAsync());

  it("two servers apply every operation exactly once, on few sessions", async () => {
    await makeBudgets(one.grpc);
    const load = startLoad(async (caller) => (caller % 2 ? one : two).grpc, SEED);
    await load.answered(1000);
    const sessions = await query(
      databaseUrl,
      "select from pg_stat_activity where application_name like 'purser%'",
    );
    await load.answered(1000);
    await load.stop();
    const { repeated } = await load.check(one.database.kysely);
    assert.equal(repeated, 0);
    assert.ok(sessions.length > 0 && sessions.length <= POOL_SIZE, `${sessions.length} sessions`);
  });

  it("a watcher sees the changes of another server by polling", async () => {
    const name = { project: "watched", user: "u" };
    await one.grpc.createBudget({ ...name, totalBudgetNanoUsd: 100n });
    const leaving = new AbortController();
    const watch = one.grpc.watchBudget(name, { signal: leaving.signal })[Symbol.asyncIterator]();
    assert.equal((await watch.next()).value?.budget?.spentNanoUsd, 0n);
    for (let spent = 1n; spent <= 3n; spent++) {
      const source = { case: "cost" as const, value: { model: "m", costNanoUsd: 1n } };
      await two.grpc.updateCost({ ...name, source });
      assert.equal((await watch.next()).value?.budget?.spentNanoUsd, spent);
    }
    leaving.abort();
  });

  /** The number of channels that each session of the pool listens to. */
  const listeningPerSession = async (): Promise<number[]> => {
    const all = Promise.withResolvers<void>();
    let begun = 0;
    // The transactions that wait for each other use all sessions.
    const counts = Array.from({ length: POOL_SIZE }, () =>
      withClient(pgbouncer.url, async (client) => {
        await client.query("begin");
        const text = "select count(*)::integer as count from pg_listening_channels()";
        const { rows } = await client.query<{ count: number }>(text);
        if (++begun === POOL_SIZE) all.resolve();
        await all.promise;
        await client.query("commit");
        return rows[0]?.count ?? -1;
      }),
    );
    return Promise.all(counts);
  };

  it("no session is left listening, and PgBouncer logged no warning", async () => {
    const clients = await query(pgbouncer.consoleUrl, "show clients");
    const names = clients.map((client) => (client as { application_name?: string }).application_name);
    assert.ok(names.includes("purser"), JSON.stringify(names));
    assert.ok(!names.includes("purser listen"), JSON.stringify(names));
    assert.deepEqual(await listeningPerSession(), Array(POOL_SIZE).fill(0));
    // A session that still listened would be notified now, with no client to pass the notification to.
    await query(databaseUrl, "notify purser_budgets, '*'");
    await one.grpc.listUsers({ project: "watched" });
    assert.doesNotMatch(pgbouncer.log, /not linked|WARNING|ERROR/);
  });
});

const query = async (url: string, text: string): Promise<unknown[]> =>
  (await withClient(url, (client) => client.query<Record<string, unknown>>(text))).rows;
