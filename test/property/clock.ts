import { type Kysely, sql } from "kysely";
import type { Schema } from "../../src/store/schema.ts";

/**
 * The functions that the service reads PostgreSQL's clock with: the first under its locks, the second as an index
 * condition.
 */
const CLOCKS = [
  ["clock_timestamp", "volatile"],
  ["statement_timestamp", "stable"],
] as const;

/**
 * Sets the clock that the service reads: functions of the same names, found before PostgreSQL's own, which advance at
 * the same rate. So time passes without a change to any row or to the calendar. For a store with one session.
 */
export async function setClock(kysely: Kysely<Schema>, aheadSeconds: number): Promise<void> {
  await sql`create schema if not exists turned`.execute(kysely);
  for (const [name, volatility] of CLOCKS) {
    await sql`
      create or replace function ${sql.id("turned", name)}() returns timestamptz language sql ${sql.raw(volatility)} as
      'select pg_catalog.${sql.raw(name)}() + make_interval(secs => ${sql.raw(String(aheadSeconds))})'
    `.execute(kysely);
  }
  await sql`set search_path = public, turned, pg_catalog`.execute(kysely);
}
