import { type RawBuilder, sql } from "kysely";
import type { InstantUs } from "../domain/period.ts";
import type { Connection } from "./connection.ts";
import { projectsHaving } from "./projects.ts";
import { timestampText } from "./timestamps.ts";

/**
 * What may be deleted of the past, found by walking each table in the order of a key. Whatever may be deleted at one
 * moment may be deleted at every later one, so nothing is locked but the rows that go.
 */

/** Tables that can be pruned. */
export type Prunable = "reservations" | "entries" | "periods" | "model_costs";

export interface PruneBounds {
  project: string;
  /** What happened, or ended, before it may go. */
  beforeUs: InstantUs;
  /** Counts what would be deleted, and deletes nothing. */
  dryRun: boolean;
}

/** Where a walk has come to: the key's columns after the project, as text. */
export type WalkPosition = readonly string[];

/** What one step of a walk has done. */
export interface Slice {
  /** Rows that were looked at. */
  read: number;
  /** Rows that were deleted, or would be. */
  deleted: number;
  /** Absent when nothing was left to look at. */
  last: WalkPosition | undefined;
}

interface Walk {
  /** The columns of an index after the project, which put rows into an order. */
  key: readonly { column: string; type: "text" | "bigint" | "timestamptz" }[];
  /** What the index can tell of rows that are worth a look. */
  bound?: RawBuilder<unknown>;
  /** Whether a row `s` may go, by its key and these columns. */
  mayGo: RawBuilder<unknown>;
  reads: readonly string[];
}

/**
 * Deletes what may go among the next `rowsMax` rows, inside a transaction. Reads these and, by full keys, what they depend on.
 */
export async function pruneSlice(
  connection: Connection,
  table: Prunable,
  bounds: PruneBounds,
  after: WalkPosition | undefined,
  rowsMax: number,
): Promise<Slice> {
  const { key, bound = sql`true`, mayGo, reads } = WALKS[table](bounds);
  const columns = sql.join(key.map(({ column }) => sql.ref(column)));
  const from =
    after === undefined
      ? sql`true`
      : sql`(${columns}) > (${sql.join(key.map(({ type }, index) => sql`${after[index]}::${sql.raw(type)}`))})`;
  const backwards = sql.join(key.map(({ column }) => sql`${sql.ref(column)} desc`));
  const texts = sql.join(key.map(({ column }) => sql`${sql.ref(column)}::text`));
  // By their places in the table: the planner cannot take a detour, whatever its statistics say.
  const goes = bounds.dryRun
    ? sql`select 1 from doomed`
    : sql`delete from ${sql.table(table)}
        where project = ${bounds.project} and ctid = any(array(select ctid from doomed)) returning 1`;
  // With statistics from when the table was small, the planner would read a whole project to sort it.
  await sql`select set_config('enable_sort', 'off', true)`.execute(connection);
  const result = await sql<{ read: bigint; deleted: bigint; last: string[] | null }>`
    with slice as materialized (
      select ${sql.join([...reads, "ctid"].map((column) => sql.ref(column)))}, ${columns} from ${sql.table(table)}
      where project = ${bounds.project} and ${from} and ${bound}
      order by ${columns} limit ${rowsMax}
    ),
    doomed as materialized (select ctid from slice s where ${mayGo}),
    gone as (${goes})
    select
      (select count(*) from slice) as read,
      (select count(*) from gone) as deleted,
      (select array[${texts}] from slice order by ${backwards} limit 1) as last
  `.execute(connection);
  const [row] = result.rows;
  return { read: Number(row?.read), deleted: Number(row?.deleted), last: row?.last ?? undefined };
}

const WALKS: Record<Prunable, (bounds: PruneBounds) => Walk> = {
  /** Closed ones, which never change again. */
  reservations: ({ beforeUs }) => ({
    key: [{ column: "reservation_id", type: "text" }],
    reads: ["state", "closed_at"],
    mayGo: sql`s.state <> 'HELD' and s.closed_at < ${instant(beforeUs)}`,
  }),

  /**
   * Those that count on no budget any more: on each level the period in which they fell has been closed. A budget's period
   * only ever gives way to a later one. The entry that closed a reservation stays as long as that does.
   */
  entries: ({ project, beforeUs, dryRun }) => ({
    key: [
      { column: "created_at", type: "timestamptz" },
      { column: "request_id", type: "text" },
    ],
    reads: ["user_id", "ancestors", "reservation_id"],
    bound: sql`created_at < ${instant(beforeUs)}`,
    mayGo: sql`not exists (
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
    mayGo: sql`s.period_end <= ${instant(beforeUs)}`,
  }),

  /** Those of periods that are gone, and of ones that left no record since nothing was spent in them. */
  model_costs: ({ project, beforeUs, dryRun }) => ({
    key: [
      { column: "user_id", type: "text" },
      { column: "period_id", type: "bigint" },
      { column: "model", type: "text" },
    ],
    reads: [],
    mayGo: sql`${openedAt(sql`s.period_id`)} < ${instant(beforeUs)}
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

/** A period's id is the microsecond at which it was opened. */
const openedAt = (periodId: RawBuilder<unknown>) =>
  sql`(timestamptz '1970-01-01T00:00:00Z' + ${periodId} * interval '1 microsecond')`;

/** Projects that have rows in a table. */
export const projectsIn = (connection: Connection, table: Prunable): Promise<string[]> =>
  projectsHaving(connection, { table });

/** Whether there is a schema of Purser's, in whatever version. */
export async function hasSchema(connection: Connection): Promise<boolean> {
  const result = await sql<{ found: boolean }>`
    select to_regclass('purser_migrations') is not null as found
  `.execute(connection);
  return result.rows[0]?.found === true;
}
