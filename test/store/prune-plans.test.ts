import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { sql } from "kysely";
import { type Prunable, projectsIn, pruneSlice, type WalkPosition } from "../../src/store/prune.ts";
import { openWithStaleStatistics, type StaleStatistics } from "../support/stale-statistics.ts";

const ROWS = 60_000;
const SLICE = 1_000;
const TABLES: readonly Prunable[] = ["reservations", "entries", "periods", "model_costs"];

describe("with stale statistics, a slice of pruning reads only its own rows and the rows that they name", () => {
  const stack = new AsyncDisposableStack();
  let database: StaleStatistics;
  before(async () => {
    database = stack.use(await openWithStaleStatistics(["budgets", ...TABLES]));
    const series = sql`from generate_series(1, ${ROWS}::int) i`;
    // Each budget is in its second period, so that the whole first one can be deleted; the entries count on a parent as
    // well.
    await sql`insert into budgets (project, user_id, total_nano_usd, period_id, period_start, creation_fingerprint,
      created_at, updated_at) select 'p', 'user-' || i, 1, 2000000, now(), '', now(), now() ${series}`.execute(
      database.kysely,
    );
    await sql`insert into model_costs select 'p', 'user-' || i, 1, 'm', 1 ${series}`.execute(database.kysely);
    await sql`insert into periods select 'p', 'user-' || i, 1, 'epoch', 'epoch'::timestamptz + interval '2 seconds', 1, 1
      ${series}`.execute(database.kysely);
    await sql`insert into reservations (project, reservation_id, user_id, model, held_nano_usd, state, on_expiry,
      request_fingerprint, created_at, expires_at, closed_at)
      select 'p', 'hold-' || i, 'user-' || i, 'm', 1, 'SETTLED', 'RELEASE', '', 'epoch', 'epoch', 'epoch' ${series}`.execute(
      database.kysely,
    );
    await sql`insert into entries (project, request_id, user_id, request_fingerprint, kind, source, cost_nano_usd,
      reservation_id, ancestors, period_id, period_start, spent_after_nano_usd, held_after_nano_usd, total_after_nano_usd,
      created_at)
      select 'p', 'request-' || i, 'user-' || i, '', 'CHARGE', 'RESERVATION', 1, 'hold-gone-' || i, array['user-1'], 1,
        'epoch', 1, 0, 1, 'epoch'::timestamptz + i * interval '1 microsecond' ${series}`.execute(
      database.kysely,
    );
  });
  after(() => stack.disposeAsync());

  for (const table of TABLES) {
    it(`of ${table}`, async () => {
      let after: WalkPosition | undefined;
      // The second slice starts in the middle.
      for (const dryRun of [true, false]) {
        const bounds = { project: "p", beforeUs: 3_000_000n, dryRun };
        const [slice, read] = await database.rowsRead(() =>
          database.kysely
            .transaction()
            .execute((transaction) => pruneSlice(transaction, table, bounds, after, SLICE)),
        );
        assert.equal(slice.read, SLICE);
        assert.equal(slice.deleted, SLICE);
        assert.ok(read <= 5 * SLICE, `${read} rows read`);
        after = slice.last;
      }
    });
  }

  it("and the list of projects skips from project to project", async () => {
    for (const table of TABLES) {
      const [projects, read] = await database.rowsRead(() => projectsIn(database.kysely, table));
      assert.deepEqual(projects, ["p"]);
      assert.ok(read <= 10, `${read} rows of ${table} read`);
    }
  });
});
