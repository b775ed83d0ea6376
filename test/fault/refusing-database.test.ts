import assert from "node:assert/strict";
import { EventEmitter, on } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { sql } from "kysely";
import pino from "pino";
import { openPostgres } from "../../src/store/database.ts";
import { createStore } from "../../src/store/store.ts";
import { errorOf, told } from "../support/errors.ts";
import { startOwnPostgres, withClient } from "../support/postgres.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

/** A line of a server's log. */
interface Line {
  msg: string;
  err?: { message: string };
  failures?: number;
}

/** Collects what a server logs, and waits for further lines. */
class Log extends EventEmitter {
  readonly lines: Line[] = [];
  readonly logger = pino(
    { level: "info" },
    {
      write: (text: string) => {
        this.lines.push(JSON.parse(text) as Line);
        this.emit("line");
      },
    },
  );

  async untilHas(msg: string): Promise<void> {
    if (this.lines.some((line) => line.msg === msg)) return;
    for await (const _ of on(this, "line")) if (this.lines.some((line) => line.msg === msg)) return;
  }
}

const NAME = { project: "p", user: "u" };
const cost = { case: "cost", value: { model: "m", costNanoUsd: 1n } } as const;

/** How to make a database refuse a role, how to undo that, and which text of the refusal is in the log. */
const REFUSALS = [
  {
    what: "another password (28P01)",
    refuse: "alter role purser password 'rotated'",
    admit: "alter role purser password 'secret'",
    ends: true,
    cause: /password authentication failed/,
  },
  {
    what: "a role that may not log in (28000)",
    refuse: "alter role purser nologin",
    admit: "alter role purser login",
    ends: true,
    cause: /not permitted to log in/,
  },
  {
    what: "a right that was revoked (42501)",
    refuse: "revoke all on budgets from purser",
    admit: "grant all on budgets to purser",
    ends: false,
    cause: /permission denied for table budgets/,
  },
  {
    what: "a database that takes no writes (25006)",
    refuse: "alter role purser set default_transaction_read_only = on",
    admit: "alter role purser reset default_transaction_read_only",
    ends: true,
    cause: /read-only transaction/,
  },
];

describe("a PostgreSQL that refuses", () => {
  const stack = new AsyncDisposableStack();
  let adminUrl: string;
  let url: string;
  before(async () => {
    const folder = await mkdtemp(join(tmpdir(), "purser-hba-"));
    stack.defer(() => rm(folder, { recursive: true }));
    const file = join(folder, "pg_hba.conf");
    await writeFile(file, "host all postgres all trust\nhost all all all scram-sha-256\n");
    await Promise.all([chmod(folder, 0o755), chmod(file, 0o644)]);
    const postgres = stack.use(await startOwnPostgres(["-c", "fsync=off", "-c", `hba_file=${file}`]));
    adminUrl = await postgres.createDatabase();
    const database = new URL(adminUrl).pathname.slice(1);
    await admin("create role purser login password 'secret'");
    await admin(`alter database ${database} owner to purser; alter schema public owner to purser`);
    url = Object.assign(new URL(adminUrl), { username: "purser", password: "secret" }).href;
  });
  after(() => stack.disposeAsync());

  const admin = (text: string): Promise<unknown> => withClient(adminUrl, (client) => client.query(text));
  /**
   * Settings of a role only apply to new connections. Waits until the sessions have ended, and then for the turn of the event
   * loop in which the server notices, so that no later statement meets a connection that is about to end.
   */
  const endConnections = async (): Promise<void> => {
    await admin(
      "select pg_terminate_backend(pid, 60000) from pg_stat_activity where usename = 'purser' and pid <> pg_backend_pid()",
    );
    await setImmediate();
  };
  const start = (log: Log, settings: Record<string, string> = {}): Promise<TestServer> =>
    startTestServer({ DATABASE_URL: url, SWEEP_INTERVAL_MS: "3600000", ...settings }, log.logger);
  const readiness = async ({ httpUrl }: TestServer): Promise<number> =>
    (await fetch(`${httpUrl}/readyz`)).status;

  for (const { what, refuse, admit, ends, cause } of REFUSALS) {
    it(`with ${what} is an outage: UNAVAILABLE, not ready, and two lines in the log`, async () => {
      const log = new Log();
      await using server = await start(log, { DATABASE_RETRY_MS_MAX: "200" });
      await server.grpc.createBudget({ ...NAME, totalBudgetNanoUsd: 10n });
      assert.equal(await readiness(server), 200);

      await admin(refuse);
      if (ends) await endConnections();
      for (let time = 0; time < 2; time++) {
        const { code, reason, retryDelayMs } = told(
          await errorOf(server.grpc.updateCost({ ...NAME, source: cost })),
        );
        assert.deepEqual({ code, reason }, { code: "Unavailable", reason: "STORE_UNAVAILABLE" });
        assert.ok((retryDelayMs ?? 0) > 0);
      }
      assert.equal(await readiness(server), 503);

      await admin(admit);
      if (ends) await endConnections();
      await server.grpc.updateCost({ ...NAME, source: cost });
      assert.equal(await readiness(server), 200);
      await log.untilHas("the store works again");
      const [begin, end, ...more] = log.lines;
      assert.match(begin?.err?.message ?? "", cause);
      assert.equal(begin?.msg, "the store fails; trying again");
      assert.equal(end?.msg, "the store works again");
      assert.ok((end?.failures ?? 0) >= 2, `${end?.failures} failures`);
      assert.deepEqual(more, []);
      await server.grpc.deleteBudget(NAME);
    });
  }

  it("is not ready as soon as it accepts no writes, before any write was tried", async () => {
    await using server = await start(new Log());
    await admin("alter role purser set default_transaction_read_only = on");
    await endConnections();
    assert.equal(await readiness(server), 503);
    await admin("alter role purser reset default_transaction_read_only");
    await endConnections();
    assert.equal(await readiness(server), 200);
  });

  for (const [setting, cause] of [
    ["statement_timeout", /statement timeout/],
    ["lock_timeout", /lock timeout/],
  ] as const) {
    it(`a statement by its ${setting} has the statement retried until the time limit for retries`, async () => {
      await using own = openPostgres({ url, connectionsMax: 2, timeoutMs: 60_000, onIdleError: () => {} });
      await admin(`create table if not exists numbers as select 1 as n; alter table numbers owner to purser`);
      await admin(`alter role purser set ${setting} = 50`);
      const failures: unknown[] = [];
      const store = createStore({ database: own, retryMsMax: 400, onRetry: (error) => failures.push(error) });
      const take = () =>
        store.transaction((connection) => sql`select n from numbers for update`.execute(connection));
      await withClient(adminUrl, async (holder) => {
        await holder.query("begin; select n from numbers for update");
        await assert.rejects(take(), { error: { reason: "STORE_UNAVAILABLE", retryAfterMs: 500 } });
      });
      await take();
      assert.ok(failures.length >= 2);
      for (const failure of failures) assert.match((failure as Error).message, cause);
      await admin(`alter role purser reset ${setting}`);
    });
  }

  it("does not keep /readyz from an answer within a second", async () => {
    await using own = openPostgres({ url, connectionsMax: 1, timeoutMs: 60_000, onIdleError: () => {} });
    const store = createStore({ database: own, retryMsMax: 0 });
    const free = Promise.withResolvers<void>();
    const holds = own.kysely.connection().execute(() => free.promise);
    assert.equal(await store.isReachable(), false);
    free.resolve();
    await holds;
  });
});
