import { sql } from "kysely";
import { type Budget, budgetKey } from "../domain/budget.ts";
import type { InstantUs } from "../domain/period.ts";
import type { Connection } from "./connection.ts";
import type { BudgetName } from "./names.ts";
import { type BudgetRow, budgetsTable } from "./tables.ts";
import { unnest } from "./unnest.ts";

/** What a batch reads under its locks. */
export interface Locked {
  /** By `budgetKey`. Those that do not exist are absent. */
  budgets: Map<string, Budget>;
  /** The database's clock. */
  nowUs: InstantUs;
  /** Whether a hold has run out, in one of the projects that were asked about. */
  hasExpired: boolean;
}

/**
 * Locks budgets in the order of their keys, so that no two batches can wait for each other, and reads the database's
 * clock.
 *
 * @param projects Where to look for holds that have run out.
 */
export async function lockBudgets(
  connection: Connection,
  names: readonly BudgetName[],
  projects: readonly string[] = [],
): Promise<Locked> {
  const rows = names.map(({ project, user }) => ({ project, user_id: user }));
  // The row lock is taken on top of the sort. The clock is read in its own column of a row that always exists, so that
  // it comes back even where no budget does.
  const result = await sql<BudgetRow & { clock: bigint; found: string | null; expired: boolean }>`
    with locked as materialized (
      select b.* from ${unnest({ project: "text", user_id: "text" }, rows, "k")}
      join budgets b on b.project = k.project and b.user_id = k.user_id
      order by b.project, b.user_id
      for update of b
    )
    select clock_timestamp() as clock, locked.project as found, locked.*, exists (
      select 1 from reservations
      where project = any(${projects}::text[]) and state = 'HELD' and expires_at <= statement_timestamp()
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

/** Those of these budgets that another session has locked now. Waits for none of them, and keeps none locked. */
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
