import { sql } from "kysely";
import type { Budget } from "../domain/budget.ts";
import type { Costs } from "../domain/legacy-memory.ts";
import type { InstantUs } from "../domain/period.ts";
import type { Connection } from "./connection.ts";
import { type BudgetRow, budgetsTable } from "./tables.ts";
import { unnest } from "./unnest.ts";

/** A budget as stored, with its costs. */
export interface LegacyBudget {
  budget: Budget;
  /** Amounts spent in the stored period, by model. */
  modelCosts: Costs;
}

/** Reads up to `limit` budgets of a project and their costs in order of user, from one snapshot, and the database's clock. */
export async function readLegacyBudgets(
  connection: Connection,
  { project, after, limit }: { project: string; after: string | undefined; limit: number },
): Promise<{ budgets: LegacyBudget[]; nowUs: InstantUs }> {
  type Row = BudgetRow & { clock: bigint; model_costs: [string, string][] | null };
  const result = await sql<Row>`
    select b.*, clock_timestamp() as clock, (
      select json_agg(json_build_array(c.model, c.cost_nano_usd::text) order by c.model) from model_costs c
      where c.project = b.project and c.user_id = b.user_id and c.period_id = b.period_id
    ) as model_costs
    from budgets b
    where b.project = ${project} ${after === undefined ? sql`` : sql`and b.user_id > ${after}`}
    order by b.user_id limit ${limit}
  `.execute(connection);
  const budgets = result.rows.map((row) => ({
    budget: budgetsTable.fromRow(row),
    modelCosts: new Map((row.model_costs ?? []).map(([model, cost]) => [model, BigInt(cost)])),
  }));
  return { budgets, nowUs: result.rows[0]?.clock ?? 0n };
}

/** Reads budgets as stored, by user. Budgets that do not exist are absent. */
export async function readBudgetsOf(
  connection: Connection,
  project: string,
  users: readonly string[],
): Promise<Map<string, Budget>> {
  const names = users.map((user) => ({ user_id: user }));
  const result = await sql<BudgetRow>`
    select b.* from ${unnest({ user_id: "text" }, names, "k")}
    cross join lateral (
      select * from budgets where project = ${project} and user_id = k.user_id limit 1
    ) b
  `.execute(connection);
  return new Map(result.rows.map((row) => [row.user_id, budgetsTable.fromRow(row)]));
}

/** Reads the map of a project that an older version of Purser stored as it was posted. Newer versions turn maps into budgets. */
export async function readOldMap(connection: Connection, project: string): Promise<unknown> {
  const row = await connection
    .selectFrom("legacy_maps")
    .select("user_dict")
    .where("project", "=", project)
    .executeTakeFirst();
  return row?.user_dict;
}

export async function deleteOldMap(connection: Connection, project: string): Promise<void> {
  await connection.deleteFrom("legacy_maps").where("project", "=", project).execute();
}
