import assert from "node:assert/strict";
import { type Kysely, sql } from "kysely";
import { openPostgres } from "../../src/store/database.ts";
import { migrate } from "../../src/store/migrate.ts";
import type { Schema } from "../../src/store/schema.ts";
import { startPostgres } from "./postgres.ts";

/**
 * A database whose planner has statistics of empty tables, as right after a first start, however many rows are inserted.
 * The cost of a statement is counted in the rows that it reads, which does not depend on the load of the machine.
 */
export interface StaleStatistics extends AsyncDisposable {
  kysely: Kysely<Schema>;
  /** The result of `work`, and the rows that it read from the tables, through an index or by a sequential scan. */
  rowsRead<T>(work: () => Promise<T>): Promise<[result: T, read: number]>;
}

/** @param tables The tables whose rows are counted. */
export async function openWithStaleStatistics(tables: readonly (keyof Schema)[]): Promise<StaleStatistics> {
  await using stack = new AsyncDisposableStack();
  const postgres = stack.use(await startPostgres());
  const url = await postgres.createDatabase();
  const database = stack.use(
    openPostgres({ url, connectionsMax: 1, timeoutMs: 60_000, onIdleError: (error) => assert.fail(error) }),
  );
  const { kysely } = database;
  await migrate(database);
  for (const table of tables) {
    await sql`alter table ${sql.table(table)} set (autovacuum_enabled = false)`.execute(kysely);
  }
  await sql`analyze`.execute(kysely);
  const readSoFar = async (): Promise<number> => {
    await sql`select pg_stat_force_next_flush()`.execute(kysely);
    const { rows } = await sql<{ read: bigint }>`
      select sum(seq_tup_read + idx_tup_fetch)::bigint as read from pg_stat_user_tables
      where relname = any(${tables}::text[])`.execute(kysely);
    return Number(rows[0]?.read);
  };
  const opened = stack.move();
  return {
    kysely,
    async rowsRead(work) {
      const before = await readSoFar();
      const result = await work();
      return [result, (await readSoFar()) - before];
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
