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
 * Builds a relation from rows. Each column is sent as one array parameter, or as a single value if it is the same in all rows.
 * That saves work, because a batch often has one project, one budget or one model.
 *
 * @param options.oneProject Sends the project as a single value, too. A database that is sharded by project needs that. By
 *   default the project is sent as an array: if the first part of every key were a constant, a planner with stale statistics
 *   could read the whole project.
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
    // The arrays determine the number of rows, so at least one column must be an array.
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
 * Builds a relation of names to look up.
 *
 * @param columns The name of each column, and the type in which it is sent.
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
