import { sql } from "kysely";
import type { Budget } from "../domain/budget.ts";
import type { InstantUs } from "../domain/period.ts";
import type { Connection } from "./connection.ts";
import { type BudgetRow, budgetFromRow } from "./rows.ts";

/**
 * Projects that have budgets past their period's end. The one statement that names no project: it reads, and locks
 * nothing. A skip scan over the sweep's index, so that it costs by projects, not by budgets.
 */
export async function projectsDue(connection: Connection): Promise<string[]> {
  const result = await sql<{ project: string }>`
    with recursive projects as (
      (select project from budgets where period_end is not null order by project limit 1)
      union all
      select (
        select b.project from budgets b
        where b.period_end is not null and b.project > p.project order by b.project limit 1
      )
      from projects p where p.project is not null
    )
    select project from projects
    where project is not null and exists (
      select 1 from budgets b where b.project = projects.project and b.period_end <= statement_timestamp()
    )
  `.execute(connection);
  return result.rows.map((row) => row.project);
}

/** Locks up to `limit` budgets of a project that are past their period's end, leaving those that others hold. */
export async function lockDueBudgets(
  connection: Connection,
  bounds: { project: string; user: string | undefined; limit: number },
): Promise<{ budgets: Budget[]; nowUs: InstantUs }> {
  const onlyUser = bounds.user === undefined ? sql`` : sql`and user_id = ${bounds.user}`;
  const result = await sql<BudgetRow & { clock: bigint }>`
    select *, clock_timestamp() as clock from budgets
    where project = ${bounds.project} and period_end <= statement_timestamp() ${onlyUser}
    order by period_end limit ${bounds.limit}
    for update skip locked
  `.execute(connection);
  return { budgets: result.rows.map(budgetFromRow), nowUs: result.rows[0]?.clock ?? 0n };
}
