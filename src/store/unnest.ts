import { type RawBuilder, sql } from "kysely";

type ColumnType = "text" | "bigint" | "integer";
type Cell = string | bigint | number | null;

/**
 * Rows as a relation: one array parameter a column, so that a statement has the same text for any number of rows.
 *
 * @param columns What each column is called and which type it travels as; the statement casts further where it must.
 */
export function unnest<Name extends string>(
  columns: Readonly<Record<Name, ColumnType>>,
  rows: readonly Readonly<Record<NoInfer<Name>, Cell>>[],
  alias: string,
): RawBuilder<unknown> {
  const names = Object.keys(columns) as Name[];
  const arrays = names.map((name) => {
    const cells = rows.map((row) => row[name]);
    return sql`${cells}::${sql.raw(columns[name])}[]`;
  });
  return sql`unnest(${sql.join(arrays)}) as ${sql.ref(alias)}(${sql.join(names.map((name) => sql.ref(name)))})`;
}
