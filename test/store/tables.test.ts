import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { sql } from "kysely";
import type { ClosedPeriod } from "../../src/domain/budget.ts";
import { type Database, openPostgres } from "../../src/store/database.ts";
import { migrate } from "../../src/store/migrate.ts";
import { writeParts } from "../../src/store/parts.ts";
import { deleteRows, insertRows, updateRows } from "../../src/store/table.ts";
import * as tables from "../../src/store/tables.ts";
import { startPostgres } from "../support/postgres.ts";

describe("a table's definition", () => {
  const stack = new AsyncDisposableStack();
  let database: Database;
  before(async () => {
    const postgres = stack.use(await startPostgres());
    const url = await postgres.createDatabase();
    const onIdleError = (error: Error) => assert.fail(error);
    database = stack.use(openPostgres({ url, connectionsMax: 3, timeoutMs: 60_000, onIdleError }));
    await migrate(database);
  });
  after(() => stack.disposeAsync());

  it("lists the columns and the key that the database has", async () => {
    const { rows } = await sql<{ table: string; columns: string[]; key: string[] }>`
      select c.relname as table,
        (select array_agg(a.attname::text order by a.attname) from pg_attribute a
          where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
        (select array_agg(a.attname::text order by k.place) from pg_index i
          cross join lateral unnest(i.indkey) with ordinality as k(number, place)
          join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number
          where i.indrelid = c.oid and i.indisprimary) as key
      from pg_class c where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
        and c.relname <> 'purser_migrations'
      order by 1
    `.execute(database.kysely);
    const defined = Object.values(tables)
      .map(({ name, columns, key }) => ({ table: name, columns: [...columns.keys()].toSorted(), key }))
      .toSorted((a, b) => (a.table < b.table ? -1 : 1));
    assert.deepEqual(defined, rows);
  });

  it("makes statements that insert, update and delete rows, and count them", async () => {
    const [first, second] = ["a", "b"].map(
      (user): ClosedPeriod => ({
        project: "p",
        user,
        periodId: 1n,
        periodStartUs: -62_135_596_800_000_000n,
        periodEndUs: 253_402_300_799_999_999n,
        spentNanoUsd: -5n,
        totalNanoUsd: 7n,
      }),
    ) as [ClosedPeriod, ClosedPeriod];
    const write = (...parts: Parameters<typeof writeParts>[1]) => writeParts(database.kysely, parts);
    const stored = async () => {
      const rows = await database.kysely.selectFrom("periods").selectAll().orderBy("user_id").execute();
      return rows.map((row) => tables.periodsTable.fromRow(row));
    };

    assert.equal(await write(insertRows(tables.periodsTable, [first, second])), true);
    assert.deepEqual(await stored(), [first, second]);

    const spent = { ...second, spentNanoUsd: 6n, totalNanoUsd: 0n };
    assert.equal(await write(updateRows(tables.periodsTable, ["spent_nano_usd"], [spent])), true);
    assert.deepEqual(await stored(), [first, { ...second, spentNanoUsd: 6n }]);

    const oneProject = { oneProject: true, where: sql`old.spent_nano_usd < 0` };
    assert.equal(await write(deleteRows(tables.periodsTable, [first, second], oneProject)), false);
    assert.deepEqual(await stored(), [{ ...second, spentNanoUsd: 6n }]);
    assert.equal(await write(updateRows(tables.periodsTable, ["spent_nano_usd"], [first])), false);
  });
});
