import { type Kysely, sql } from "kysely";
import type { Schema } from "../../src/store/schema.ts";

/**
 * Sets the clock that the service reads: a function of the same name, found before PostgreSQL's own, which goes as fast. So
 * time passes without a row being touched, and the calendar stays what it is. For a store with one session.
 */
export async function setClock(kysely: Kysely<Schema>, aheadSeconds: number): Promise<void> {
  await sql`create schema if not exists turned`.execute(kysely);
  await sql`
    create or replace function turned.clock_timestamp() returns timestamptz language sql volatile as
    'select pg_catalog.clock_timestamp() + make_interval(secs => ${sql.raw(String(aheadSeconds))})'
  `.execute(kysely);
  await sql`set search_path = public, turned, pg_catalog`.execute(kysely);
}
