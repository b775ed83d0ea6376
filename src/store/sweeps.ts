import { sql } from "kysely";
import type { Budget } from "../domain/budget.ts";
import type { InstantUs } from "../domain/period.ts";
import type { Connection } from "./connection.ts";
import { projectsHaving } from "./projects.ts";
import { type BudgetRow, budgetsTable } from "./tables.ts";

/** Projects that have budgets past their period's end. */
export const projectsDue = (connection: Connection): Promise<string[]> =>
  projectsHaving(connection, {
    table: "budgets",
    indexed: sql`period_end is not null`,
    wanted: sql`period_end <= statement_timestamp()`,
  });

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
  return { budgets: result.rows.map((row) => budgetsTable.fromRow(row)), nowUs: result.rows[0]?.clock ?? 0n };
}
