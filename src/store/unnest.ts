import { type RawBuilder, sql } from "kysely";
import { arrayText, type Cell } from "./array-text.ts";
import type { SentAs } from "./codecs.ts";

/** A column of a relation, with a cell for each row. */
export interface SentColumn {
  name: string;
  sentAs: SentAs;
  cells: readonly Cell[];
}

/**
 * Rows as a relation: one array parameter a column, or one value where all rows have the same. Batches are often of one
 * project, one budget, one model, and what is sent once is read once.
 *
 * @param oneProject Sends the project as a value, too. A database that shards by project needs that. Without it the project
 *   is an array: as a value, the first part of every key would let a planner with stale statistics read the whole project.
 */
export function relation(
  columns: readonly SentColumn[],
  alias: string,
  { oneProject = false }: { oneProject?: boolean } = {},
): RawBuilder<unknown> {
  const values: RawBuilder<unknown>[] = [];
  const names: RawBuilder<unknown>[] = [];
  const arrays: RawBuilder<unknown>[] = [];
  columns.forEach(({ name, sentAs, cells }, index) => {
    const isLast = index === columns.length - 1;
    const asValue = name === "project" ? oneProject : isSame(cells);
    // A relation has as many rows as its arrays have elements: there must be one.
    if (asValue && !(isLast && names.length === 0)) {
      values.push(sql`${cells[0]}::${sql.raw(`${sentAs} as ${name}`)}`);
    } else {
      names.push(sql.raw(name));
      arrays.push(sql`${arrayText(cells)}::${sql.raw(`${sentAs}[]`)}`);
    }
  });
  const listed = sql`unnest(${sql.join(arrays)}) as each_row(${sql.join(names)})`;
  return sql`(select ${sql.join([sql`each_row.*`, ...values])} from ${listed}) as ${sql.raw(alias)}`;
}

const isSame = (cells: readonly Cell[]): boolean => {
  const [first] = cells;
  return first !== undefined && cells.every((cell) => cell === first);
};

/**
 * Names to look up, as a relation.
 *
 * @param columns What each column is called and which type it is sent as.
 */
export const unnest = <Name extends string>(
  columns: Readonly<Record<Name, SentAs>>,
  rows: readonly Readonly<Record<NoInfer<Name>, Cell>>[],
  alias: string,
): RawBuilder<unknown> =>
  relation(
    Object.entries<SentAs>(columns).map(([name, sentAs]) => ({
      name,
      sentAs,
      cells: rows.map((row) => row[name as Name]),
    })),
    alias,
  );
