import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { sql } from "kysely";
import { listBudgets } from "../../src/store/budgets.ts";
import { type Database, openPostgres } from "../../src/store/database.ts";
import { findEntries, listEntries } from "../../src/store/ledger.ts";
import { lockBudgets } from "../../src/store/locks.ts";
import { migrate } from "../../src/store/migrate.ts";
import { startPostgres } from "../support/postgres.ts";

const ROWS = 200_000;

/**
 * The planner has statistics of empty tables, as right after a first start, while one project has grown large. The cost
 * of a statement is counted in the buffers that it touches, which does not depend on the load of the machine.
 */
describe("with stale statistics, statements read only the rows that they name", () => {
  const stack = new AsyncDisposableStack();
  let database: Database;
  before(async () => {
    const postgres = stack.use(await startPostgres());
    const url = await postgres.createDatabase();
    database = stack.use(
      openPostgres({ url, connectionsMax: 1, timeoutMs: 60_000, onIdleError: (error) => assert.fail(error) }),
    );
    await migrate(database);
    for (const table of ["budgets", "entries"]) {
      await sql`alter table ${sql.table(table)} set (autovacuum_enabled = false)`.execute(database.kysely);
    }
    await sql`analyze`.execute(database.kysely);
    // Runs every statement on empty tables first: if a driver cached those plans, it would use them again below.
    await touch(100);
    await sql`insert into budgets (project, user_id, total_nano_usd, period_id, period_start, creation_fingerprint,
      created_at, updated_at)
      select 'p', 'user-' || i, 1, 1, now(), '', now(), now() from generate_series(1, ${ROWS}::int) i`.execute(
      database.kysely,
    );
    await sql`insert into entries (project, request_id, user_id, request_fingerprint, kind, source, cost_nano_usd,
      period_id, period_start, spent_after_nano_usd, held_after_nano_usd, total_after_nano_usd, created_at)
      select 'p', 'request-' || i, 'user-' || i, '', 'CHARGE', 'COST', 1, 1, now(), 1, 0, 1,
        now() + i * interval '1 microsecond' from generate_series(1, ${ROWS}::int) i`.execute(
      database.kysely,
    );
  });
  after(() => stack.disposeAsync());

  const names = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      project: "p",
      user: `user-${i * 7}`,
      requestId: `request-${i * 7}`,
    }));
  const touch = async (count: number): Promise<void> => {
    await lockBudgets(database.kysely, names(count));
    await findEntries(database.kysely, names(count));
  };

  /** The rows that `work` read from the tables, through an index or by a sequential scan. */
  const rowsRead = async (work: () => Promise<unknown>): Promise<number> => {
    const read = async (): Promise<number> => {
      await sql`select pg_stat_force_next_flush()`.execute(database.kysely);
      const { rows } = await sql<{ read: bigint }>`
        select sum(seq_tup_read + idx_tup_fetch)::bigint as read from pg_stat_user_tables
        where relname in ('budgets', 'entries')`.execute(database.kysely);
      return Number(rows[0]?.read);
    };
    const before = await read();
    await work();
    return (await read()) - before;
  };

  for (const count of [1, 10, 100, 1000]) {
    it(`when locking ${count} budgets`, async () => {
      const read = await rowsRead(() => lockBudgets(database.kysely, names(count)));
      assert.ok(read <= 3 * count, `${read} rows read`);
    });
    it(`when finding ${count} request ids`, async () => {
      const read = await rowsRead(() => findEntries(database.kysely, names(count)));
      assert.ok(read <= 3 * count, `${read} rows read`);
    });
  }

  const page = { project: "p", user: undefined, startUs: undefined, endUs: undefined, before: undefined };

  it("for a page of the ledger", async () => {
    const read = await rowsRead(() => listEntries(database.kysely, { ...page, limit: 101 }));
    assert.ok(read <= 300, `${read} rows read`);
  });

  it("for a page of one user's ledger", async () => {
    const read = await rowsRead(() =>
      listEntries(database.kysely, { ...page, user: "user-777", limit: 101 }),
    );
    assert.ok(read <= 10, `${read} rows read`);
  });

  it("for the last page of users", async () => {
    const last = { project: "p", prefix: "", after: "user-9999", limit: 101 };
    const read = await rowsRead(() => listBudgets(database.kysely, last));
    assert.ok(read <= 300, `${read} rows read`);
  });
});
