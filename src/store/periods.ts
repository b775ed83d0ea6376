import { sql } from "kysely";
import type { ClosedPeriod } from "../domain/budget.ts";
import type { Connection } from "./connection.ts";
import type { Part } from "./parts.ts";
import { closedPeriodFromRow } from "./rows.ts";
import type { Schema } from "./schema.ts";
import { timestampText } from "./timestamps.ts";
import { unnest } from "./unnest.ts";

/** Closed periods of locked budgets, to be written. */
export function newPeriods(periods: readonly ClosedPeriod[]): Part {
  const rows = periods.map((period) => ({
    project: period.project,
    user_id: period.user,
    period_id: period.periodId,
    period_start: timestampText(period.periodStartUs),
    period_end: timestampText(period.periodEndUs),
    spent_nano_usd: period.spentNanoUsd,
    total_nano_usd: period.totalNanoUsd,
  }));
  const columns = {
    project: "text",
    user_id: "text",
    period_id: "bigint",
    period_start: "text",
    period_end: "text",
    spent_nano_usd: "bigint",
    total_nano_usd: "bigint",
  } as const satisfies Record<keyof Schema["periods"], string>;
  const statement = sql`
    insert into periods (project, user_id, period_id, period_start, period_end, spent_nano_usd, total_nano_usd)
    select project, user_id, period_id, period_start::timestamptz, period_end::timestamptz, spent_nano_usd,
      total_nano_usd
    from ${unnest(columns, rows, "row")}`;
  return { name: "new_periods", statement, rows: rows.length };
}

/** Up to `limit` closed periods of a budget, newest first. */
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
  return rows.map(closedPeriodFromRow);
}
