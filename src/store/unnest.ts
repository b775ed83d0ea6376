import { type RawBuilder, sql } from "kysely";
import { arrayText, type Cell } from "./array-text.ts";

type ColumnType = "text" | "bigint" | "integer";

/**
 * Rows as a relation: one array parameter a column, or one value where all rows have the same. Batches are often of one
 * project, one budget, one model, and what is sent once is read once.
 *
 * @param columns What each column is called and which type it travels as; the statement casts further where it must.
 */
export function unnest<Name extends string>(
  columns: Readonly<Record<Name, ColumnType>>,
  rows: readonly Readonly<Record<NoInfer<Name>, Cell>>[],
  alias: string,
): RawBuilder<unknown> {
  const names = Object.keys(columns) as Name[];
  // As a value, the first part of every key would let a planner with stale statistics read all that has it.
  const varying = names.filter((name, index) => index === 0 || name === "project" || !isSame(name, rows));
  const values = names
    .filter((name) => !varying.includes(name))
    .map((name) => sql`${rows[0]?.[name]}::${sql.raw(columns[name])} as ${sql.ref(name)}`);
  const arrays = varying.map(
    (name) => sql`${arrayText(rows.map((row) => row[name]))}::${sql.raw(columns[name])}[]`,
  );
  const listed = sql`unnest(${sql.join(arrays)}) as each_row(${sql.join(varying.map((name) => sql.ref(name)))})`;
  return sql`(select ${sql.join([sql`each_row.*`, ...values])} from ${listed}) as ${sql.ref(alias)}`;
}

function isSame<Name extends string>(name: Name, rows: readonly Readonly<Record<Name, Cell>>[]): boolean {
  const [first] = rows;
  return first !== undefined && rows.every((row) => row[name] === first[name]);
}

/** An instant that travels as bigint microseconds. Exact until the year 2255: for the clock, not for what callers give. */
export const instantOf = (column: string): RawBuilder<unknown> =>
  sql`timestamptz 'epoch' + ${sql.ref(column)} * interval '1 microsecond'`;
