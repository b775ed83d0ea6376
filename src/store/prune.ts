import { type RawBuilder, sql } from "kysely";
import type { InstantUs } from "../domain/period.ts";
import type { Connection } from "./connection.ts";
import { projectsHaving } from "./projects.ts";
import { timestampText } from "./timestamps.ts";

/**
 * Finds and deletes old rows. It walks each table in the order of a key. A row that may be deleted at one moment may be deleted
 * at every later one, so only the deleted rows are locked.
 */

/** Tables that can be pruned. */
export type Prunable = "reservations" | "entries" | "periods" | "model_costs";

export interface PruneBounds {
  project: string;
  /** Only rows about events before this instant may be deleted. */
  beforeUs: InstantUs;
  /** Counts the rows that would be deleted, and deletes none. */
  dryRun: boolean;
}

/** The key of the last row that a walk has read: the columns after the project, as text. */
export type WalkPosition = readonly string[];

/** The result of one step of a walk. */
export interface Slice {
  /** How many rows were read. */
  read: number;
  /** How many rows were deleted, or in a dry run would be. */
  deleted: number;
  /** The position of the last row. Undefined when no row was left to read. */
  last: WalkPosition | undefined;
}

interface Walk {
  /** The columns of an index after the project. The walk follows their order. */
  key: readonly { column: string; type: "text" | "bigint" | "timestamptz" }[];
  /** A condition on columns of the index. The walk skips rows that do not meet it. */
  bound?: RawBuilder<unknown>;
  /** Whether the row `s` may be deleted. May use the columns of `key` and of `reads`. */
  isPrunable: RawBuilder<unknown>;
  reads: readonly string[];
}

/**
 * Reads the next `rowsMax` rows of a table, and deletes those that may be deleted. Must run inside a transaction. Apart from
 * these rows, it only reads the rows that they depend on, by full keys.
 *
 * @param after The position of the last slice. Undefined: begins at the first row.
 */
export async function pruneSlice(
  connection: Connection,
  table: Prunable,
  bounds: PruneBounds,
  after: WalkPosition | undefined,
  rowsMax: number,
): Promise<Slice> {
  const { key, bound = sql`true`, isPrunable, reads } = WALKS[table](bounds);
  const columns = sql.join(key.map(({ column }) => sql.ref(column)));
  const from =
    after === undefined
      ? sql`true`
      : sql`(${columns}) > (${sql.join(key.map(({ type }, index) => sql`${after[index]}::${sql.raw(type)}`))})`;
  const backwards = sql.join(key.map(({ column }) => sql`${sql.ref(column)} desc`));
  const texts = sql.join(key.map(({ column }) => sql`${sql.ref(column)}::text`));
  // Deletes by ctid, the place of a row in the table, so that stale statistics cannot lead the planner to another plan.
  const deletion = bounds.dryRun
    ? sql`select 1 from doomed`
    : sql`delete from ${sql.table(table)}
        where project = ${bounds.project} and ctid = any(array(select ctid from doomed)) returning 1`;
  // If the statistics are from when the table was small, the planner would read and sort a whole project.
  await sql`select set_config('enable_sort', 'off', true)`.execute(connection);
  const result = await sql<{ read: bigint; deleted: bigint; last: string[] | null }>`
    with slice as materialized (
      select ${sql.join([...reads, "ctid"].map((column) => sql.ref(column)))}, ${columns} from ${sql.table(table)}
      where project = ${bounds.project} and ${from} and ${bound}
      order by ${columns} limit ${rowsMax}
    ),
    doomed as materialized (select ctid from slice s where ${isPrunable}),
    gone as (${deletion})
    select
      (select count(*) from slice) as read,
      (select count(*) from gone) as deleted,
      (select array[${texts}] from slice order by ${backwards} limit 1) as last
  `.execute(connection);
  const [row] = result.rows;
  return { read: Number(row?.read), deleted: Number(row?.deleted), last: row?.last ?? undefined };
}

const WALKS: Record<Prunable, (bounds: PruneBounds) => Walk> = {
  /** A closed reservation never changes again. */
  reservations: ({ beforeUs }) => ({
    key: [{ column: "reservation_id", type: "text" }],
    reads: ["state", "closed_at"],
    isPrunable: sql`s.state <> 'HELD' and s.closed_at < ${instant(beforeUs)}`,
  }),

  /**
   * Entries that count in no current period: on each level, the period of the entry has been closed. A closed period never
   * becomes current again. The entry that closed a reservation stays as long as the reservation.
   */
  entries: ({ project, beforeUs, dryRun }) => ({
    key: [
      { column: "created_at", type: "timestamptz" },
      { column: "request_id", type: "text" },
    ],
    reads: ["user_id", "ancestors", "reservation_id"],
    bound: sql`created_at < ${instant(beforeUs)}`,
    isPrunable: sql`not exists (
        select 1 from unnest(array_prepend(s.user_id::text, s.ancestors)) as level(user_id)
        cross join lateral (
          select period_id from budgets where project = ${project} and user_id = level.user_id limit 1
        ) b
        where s.created_at >= ${openedAt(sql`b.period_id`)}
      ) and (s.reservation_id is null or coalesce((
        select ${dryRun ? sql`r.state <> 'HELD' and r.closed_at < ${instant(beforeUs)}` : sql`false`}
        from reservations r where r.project = ${project} and r.reservation_id = s.reservation_id
      ), true))`,
  }),

  periods: ({ beforeUs }) => ({
    key: [
      { column: "user_id", type: "text" },
      { column: "period_id", type: "bigint" },
    ],
    reads: ["period_end"],
    isPrunable: sql`s.period_end <= ${instant(beforeUs)}`,
  }),

  /** Costs of periods that were deleted, and of periods that were never recorded because their sum was 0. */
  model_costs: ({ project, beforeUs, dryRun }) => ({
    key: [
      { column: "user_id", type: "text" },
      { column: "period_id", type: "bigint" },
      { column: "model", type: "text" },
    ],
    reads: [],
    isPrunable: sql`${openedAt(sql`s.period_id`)} < ${instant(beforeUs)}
      and s.period_id is distinct from (
        select b.period_id from budgets b where b.project = ${project} and b.user_id = s.user_id
      )
      and coalesce((
        select ${dryRun ? sql`p.period_end <= ${instant(beforeUs)}` : sql`false`}
        from periods p where p.project = ${project} and p.user_id = s.user_id and p.period_id = s.period_id
      ), true)`,
  }),
};

const instant = (us: InstantUs) => sql`${timestampText(us)}::timestamptz`;

/** The instant at which a period was opened. Its id is this instant in microseconds. */
const openedAt = (periodId: RawBuilder<unknown>) =>
  sql`(timestamptz '1970-01-01T00:00:00Z' + ${periodId} * interval '1 microsecond')`;

/** Projects that have rows in a table. */
export const projectsIn = (connection: Connection, table: Prunable): Promise<string[]> =>
  projectsHaving(connection, { table });

/** Whether the database has a schema of Purser, in any version. */
export async function hasSchema(connection: Connection): Promise<boolean> {
  const result = await sql<{ found: boolean }>`
    select to_regclass('purser_migrations') is not null as found
  `.execute(connection);
  return result.rows[0]?.found === true;
}
