import type { ClosedPeriod } from "../domain/budget.ts";
import type { Connection } from "./connection.ts";
import type { Part } from "./parts.ts";
import { insertRows } from "./table.ts";
import { periodsTable } from "./tables.ts";

/** Inserts closed periods of locked budgets. */
export const newPeriods = (periods: readonly ClosedPeriod[]): Part => insertRows(periodsTable, periods);

/** Reads up to `limit` closed periods of a budget, newest first. `before` is the last period id of the previous page. */
export async function listPeriods(
  connection: Connection,
  page: { project: string; user: string; before: bigint | undefined; limit: number },
): Promise<ClosedPeriod[]> {
  let query = connection
    .selectFrom("periods")
    .selectAll()
    .where("project", "=", page.project)
    .where("user_id", "=", page.user);
  if (page.before !== undefined) query = query.where("period_id", "<", page.before);
  const rows = await query.orderBy("period_id", "desc").limit(page.limit).execute();
  return rows.map((row) => periodsTable.fromRow(row));
}
