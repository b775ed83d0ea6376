import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { sql } from "kysely";
import { type Database, openPostgres } from "../../src/store/database.ts";
import { LockTimeout } from "../../src/store/outage.ts";
import { createStore } from "../../src/store/store.ts";
import { startPostgres, withClient } from "../support/postgres.ts";

describe("a transaction", () => {
  const stack = new AsyncDisposableStack();
  let url: string;
  let database: Database;
  before(async () => {
    const postgres = stack.use(await startPostgres());
    url = await postgres.createDatabase();
    const onIdleError = (error: Error) => assert.fail(error);
    database = stack.use(openPostgres({ url, connectionsMax: 3, timeoutMs: 60_000, onIdleError }));
    await sql`create table numbers (n integer primary key)`.execute(database.kysely);
    await sql`insert into numbers values (1)`.execute(database.kysely);
  });
  after(() => stack.disposeAsync());

  it("with a lock timeout fails with LockTimeout, without a retry, and not as an outage", async () => {
    let attempts = 0;
    const outages: unknown[] = [];
    const store = createStore({ database, retryMsMax: 60_000, onOutage: (error) => outages.push(error) });
    const take = () =>
      store.transaction(
        (connection) => {
          attempts++;
          return sql`select n from numbers for update`.execute(connection);
        },
        { lockTimeoutMs: 50 },
      );
    await withClient(url, async (holder) => {
      await holder.query("begin; select n from numbers for update");
      await assert.rejects(take(), LockTimeout);
    });
    assert.equal(attempts, 1);
    assert.deepEqual(outages, []);
    // The lock timeout ended with its transaction, so the connection can be used again.
    assert.equal((await take()).rows.length, 1);
    const { rows } = await sql<{ limit: string }>`select current_setting('lock_timeout') as limit`.execute(
      database.kysely,
    );
    assert.deepEqual(rows, [{ limit: "0" }]);
  });

  it("sends its settings and its isolation level in the message that begins it", async () => {
    const settings = (options: { lockTimeoutMs?: number }) =>
      createStore({ database, retryMsMax: 0 }).transaction(
        (connection) =>
          sql`select current_setting('transaction_isolation') as isolation,
            current_setting('idle_in_transaction_session_timeout') as idle,
            current_setting('lock_timeout') as lock`.execute(connection),
        options,
      );
    await withClient(url, (client) =>
      client.query(`do $$ begin
        execute format('alter database %I set default_transaction_isolation = serializable', current_database());
      end $$`),
    );
    await using fresh = openPostgres({
      url,
      connectionsMax: 1,
      timeoutMs: 4_000,
      onIdleError: (error) => assert.fail(error),
    });
    database = fresh;
    assert.deepEqual((await settings({})).rows, [{ isolation: "read committed", idle: "5s", lock: "0" }]);
    assert.deepEqual((await settings({ lockTimeoutMs: 250 })).rows, [
      { isolation: "read committed", idle: "5s", lock: "250ms" },
    ]);
  });

  it("that is idle too long is rolled back by the database, and retried", async () => {
    await using own = openPostgres({ url, connectionsMax: 2, timeoutMs: 100, onIdleError: () => {} });
    const store = createStore({ database: own, retryMsMax: 60_000 });
    const locked = Promise.withResolvers<void>();
    const rolledBack = Promise.withResolvers<void>();
    let attempts = 0;
    const left = store.transaction(async (connection) => {
      await sql`update numbers set n = n + 1`.execute(connection);
      locked.resolve();
      // The client looks frozen to the database.
      if (++attempts === 1) await rolledBack.promise;
    });
    await locked.promise;
    // Waits for the row, and gets it without any action of its holder.
    await withClient(url, (client) => client.query("select n from numbers for update"));
    rolledBack.resolve();
    await left;
    assert.equal(attempts, 2);
    const { rows } = await sql`select n from numbers`.execute(own.kysely);
    assert.deepEqual(rows, [{ n: 2 }]);
  });
});
