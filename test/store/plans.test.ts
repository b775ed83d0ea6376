import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { sql } from "kysely";
import { listAuditEntries } from "../../src/store/audit.ts";
import { listBudgets } from "../../src/store/budgets.ts";
import { findEntries, listEntries } from "../../src/store/ledger.ts";
import { lockBudgets } from "../../src/store/locks.ts";
import { openWithStaleStatistics, type StaleStatistics } from "../support/stale-statistics.ts";

const ROWS = 200_000;

describe("with stale statistics, statements read only the rows that they name", () => {
  const stack = new AsyncDisposableStack();
  let database: StaleStatistics;
  before(async () => {
    database = stack.use(await openWithStaleStatistics(["budgets", "entries", "audit_entries"]));
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
    await sql`insert into audit_entries (project, audit_id, created_at, actor, action, subject)
      select 'p', 'audit-' || i, now() + i * interval '1 microsecond', 'local', 'RESET_COST', 'user'
      from generate_series(1, ${ROWS}::int) i`.execute(database.kysely);
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

  for (const count of [1, 10, 100, 1000]) {
    it(`when locking ${count} budgets`, async () => {
      const [, read] = await database.rowsRead(() => lockBudgets(database.kysely, names(count)));
      assert.ok(read <= 3 * count, `${read} rows read`);
    });
    it(`when finding ${count} request ids`, async () => {
      const [, read] = await database.rowsRead(() => findEntries(database.kysely, names(count)));
      assert.ok(read <= 3 * count, `${read} rows read`);
    });
  }

  const page = { project: "p", user: undefined, startUs: undefined, endUs: undefined, before: undefined };

  it("for a page of the ledger", async () => {
    const [, read] = await database.rowsRead(() => listEntries(database.kysely, { ...page, limit: 101 }));
    assert.ok(read <= 300, `${read} rows read`);
  });

  it("for a page of one user's ledger", async () => {
    const [, read] = await database.rowsRead(() =>
      listEntries(database.kysely, { ...page, user: "user-777", limit: 101 }),
    );
    assert.ok(read <= 10, `${read} rows read`);
  });

  it("for the first page of the audit log", async () => {
    const all = { ...page, subject: undefined, actor: undefined, limit: 101 };
    const [, read] = await database.rowsRead(() => listAuditEntries(database.kysely, all));
    assert.ok(read <= 300, `${read} rows read`);
  });

  it("for the last page of users", async () => {
    const last = { project: "p", prefix: "", after: "user-9999", limit: 101 };
    const [, read] = await database.rowsRead(() => listBudgets(database.kysely, last));
    assert.ok(read <= 300, `${read} rows read`);
  });
});
