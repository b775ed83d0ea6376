import { sql } from "kysely";
import type { Connection } from "./connection.ts";
import type { BudgetName } from "./names.ts";
import { projectsHaving } from "./projects.ts";

/** Lists the projects that have due budgets. A budget is due when its stored period has ended. */
export const projectsDue = (connection: Connection): Promise<string[]> =>
  projectsHaving(connection, {
    table: "budgets",
    indexed: sql`period_end is not null`,
    wanted: sql`period_end <= statement_timestamp()`,
  });

/** Reads up to `limit` due budgets of a project. Those whose period ended first come first. */
export async function findDue(
  connection: Connection,
  bounds: { project: string; user: string | undefined; limit: number },
): Promise<BudgetName[]> {
  const onlyUser = bounds.user === undefined ? sql`` : sql`and user_id = ${bounds.user}`;
  const result = await sql<{ user_id: string }>`
    select user_id from budgets
    where project = ${bounds.project} and period_end <= statement_timestamp() ${onlyUser}
    order by period_end limit ${bounds.limit}
  `.execute(connection);
  return result.rows.map((row) => ({ project: bounds.project, user: row.user_id }));
}
