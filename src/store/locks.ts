import { sql } from "kysely";
import { type Budget, budgetKey } from "../domain/budget.ts";
import type { InstantUs } from "../domain/period.ts";
import type { Connection } from "./connection.ts";
import { isExpired } from "./expired.ts";
import type { BudgetName } from "./names.ts";
import { type BudgetRow, budgetsTable } from "./tables.ts";
import { unnest } from "./unnest.ts";

/** The budgets that a transaction has locked. */
export interface Locked {
  /** By `budgetKey`. Budgets that do not exist are absent. */
  budgets: Map<string, Budget>;
  /** The database's clock. */
  nowUs: InstantUs;
  /** Whether one of `projects` has a hold that has expired. */
  hasExpired: boolean;
}

/**
 * Locks budgets, and reads the database's clock. It locks in the order of keys, so that two batches cannot deadlock.
 *
 * @param projects The projects in which to look for expired holds.
 */
export async function lockBudgets(
  connection: Connection,
  names: readonly BudgetName[],
  projects: readonly string[] = [],
): Promise<Locked> {
  const rows = names.map(({ project, user }) => ({ project, user_id: user }));
  // PostgreSQL locks rows after the sort, in its order. The left join to a row that always exists returns the clock even if no
  // budget exists.
  const result = await sql<BudgetRow & { clock: bigint; found: string | null; expired: boolean }>`
    with locked as materialized (
      select b.* from ${unnest({ project: "text", user_id: "text" }, rows, "k")}
      join budgets b on b.project = k.project and b.user_id = k.user_id
      order by b.project, b.user_id
      for update of b
    )
    select clock_timestamp() as clock, locked.project as found, locked.*, exists (
      select 1 from reservations r where r.project = any(${projects}::text[]) and ${isExpired}
    ) as expired
    from (values (1)) as always left join locked on true
  `.execute(connection);
  const budgets = new Map<string, Budget>();
  let nowUs = 0n;
  for (const row of result.rows) {
    if (row.clock > nowUs) nowUs = row.clock;
    if (row.found !== null) budgets.set(budgetKey(row.project, row.user_id), budgetsTable.fromRow(row));
  }
  return { budgets, nowUs, hasExpired: result.rows[0]?.expired === true };
}

/**
 * Returns the budgets that another session has locked at the moment. It does not wait for a lock. Run it outside of a
 * transaction, so that it keeps none.
 */
export async function findLocked(
  connection: Connection,
  names: readonly BudgetName[],
): Promise<BudgetName[]> {
  if (names.length === 0) return [];
  const rows = names.map(({ project, user }) => ({ project, user_id: user }));
  const named = unnest({ project: "text", user_id: "text" }, rows, "k");
  const result = await sql<{ project: string; user_id: string }>`
    with free as materialized (
      select b.project, b.user_id from ${named}
      join budgets b on b.project = k.project and b.user_id = k.user_id
      for update of b skip locked
    )
    select b.project, b.user_id from ${named}
    join budgets b on b.project = k.project and b.user_id = k.user_id
    where not exists (select 1 from free f where f.project = b.project and f.user_id = b.user_id)
  `.execute(connection);
  return result.rows.map(({ project, user_id }) => ({ project, user: user_id }));
}
