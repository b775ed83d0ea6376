import { sql } from "kysely";
import { type Budget, budgetKey } from "../domain/budget.ts";
import type { NanoUsd } from "../domain/money.ts";
import type { InstantUs } from "../domain/period.ts";
import { compareBytes } from "./bytes.ts";
import type { Connection } from "./connection.ts";
import { isExpired, mayHoldBelow } from "./expired.ts";
import type { BudgetName } from "./names.ts";
import type { Part } from "./parts.ts";
import { columnsBut, deleteRows, insertRows, updateRows } from "./table.ts";
import { type BudgetRow, budgetsTable, modelCostsTable, periodsTable } from "./tables.ts";
import { unnest } from "./unnest.ts";

/** Reads the database's clock. */
export async function readClock(connection: Connection): Promise<InstantUs> {
  const result = await sql<{ clock: bigint }>`select clock_timestamp() as clock`.execute(connection);
  return (result.rows[0] as { clock: bigint }).clock;
}

/** Reads a budget as stored, and the database's clock, so that the caller can derive the current period. */
export async function readBudget(
  connection: Connection,
  name: BudgetName,
): Promise<{ budget: Budget; nowUs: InstantUs } | undefined> {
  const row = await connection
    .selectFrom("budgets")
    .selectAll()
    .select(sql<bigint>`clock_timestamp()`.as("clock"))
    .where("project", "=", name.project)
    .where("user_id", "=", name.user)
    .executeTakeFirst();
  return row && { budget: budgetsTable.fromRow(row), nowUs: row.clock };
}

/** A budget as stored, and its costs, all from one snapshot. */
export interface CostRead {
  budget: Budget;
  /** Amounts spent in the stored period, by model. */
  modelCosts: Map<string, NanoUsd>;
  /** The database's clock. */
  nowUs: InstantUs;
  /** Whether a hold on the budget has expired but is still part of the stored balances. */
  hasExpired: boolean;
}

/**
 * Reads budgets and their costs, by `budgetKey`. Budgets that do not exist are absent. The statement searches the expired holds
 * of a budget only if its project has any, which one index lookup tells.
 */
export async function readCurrentCosts(
  connection: Connection,
  names: readonly BudgetName[],
): Promise<Map<string, CostRead>> {
  const rows = names.map(({ project, user }) => ({ project, user_id: user }));
  const result = await sql<
    BudgetRow & { clock: bigint; model_costs: Record<string, string> | null; expired: boolean }
  >`
    select b.*, clock_timestamp() as clock, (
      select json_object_agg(c.model, c.cost_nano_usd::text order by c.model) from model_costs c
      where c.project = b.project and c.user_id = b.user_id and c.period_id = b.period_id
    ) as model_costs, case when exists (
      select 1 from reservations r where r.project = b.project and ${isExpired}
    ) then exists (
      select 1 from reservations r where r.project = b.project and r.user_id = b.user_id and ${isExpired}
    ) or ${mayHoldBelow} and exists (
      select 1 from reservations r
      where r.project = b.project and r.ancestors @> array[b.user_id::text] and ${isExpired}
    ) else false end as expired
    from ${unnest({ project: "text", user_id: "text" }, rows, "k")}
    cross join lateral (
      select * from budgets where project = k.project and user_id = k.user_id limit 1
    ) b
  `.execute(connection);
  return new Map(
    result.rows.map((row) => [
      budgetKey(row.project, row.user_id),
      {
        budget: budgetsTable.fromRow(row),
        modelCosts: new Map(
          Object.entries(row.model_costs ?? {}).map(([model, cost]) => [model, BigInt(cost)]),
        ),
        nowUs: row.clock,
        hasExpired: row.expired,
      },
    ]),
  );
}

/**
 * Inserts budgets. A budget whose name is taken is not inserted. The order is that of the keys, as in all inserts, so that
 * concurrent inserts cannot deadlock.
 */
export const newBudgets = (budgets: readonly Budget[]): Part =>
  insertRows(
    budgetsTable,
    budgets.toSorted((a, b) => compareBytes(budgetKey(a.project, a.user), budgetKey(b.project, b.user))),
    { onConflict: sql`on conflict (project, user_id) do nothing` },
  );

/** Updates the balances of locked budgets. Most operations need only this. */
export const changedBalances = (budgets: readonly Budget[]): Part =>
  updateRows(budgetsTable, BALANCES, budgets, { name: "changed_balances" });

const BALANCES = [
  "spent_nano_usd",
  "held_nano_usd",
  "period_id",
  "period_start",
  "period_end",
  "model_limits",
  "updated_at",
] as const;

/** Updates the balances and the settings of locked budgets. */
export const changedSettings = (budgets: readonly Budget[]): Part =>
  updateRows(budgetsTable, CHANGING_COLUMNS, budgets, { name: "changed_settings" });

const CHANGING_COLUMNS = columnsBut(budgetsTable, [
  "project",
  "user_id",
  "creation_fingerprint",
  "created_at",
]);

/** Deletes locked budgets with their periods and model costs. Their ledger entries stay. */
export function deletedBudgets(budgets: readonly Budget[]): Part[] {
  if (budgets.length === 0) return [];
  const names = budgets.map(({ project, user }) => ({ project, user }));
  const key = ["project", "user_id"] as const;
  return [
    deleteRows(budgetsTable, names),
    deleteRows(modelCostsTable, names, { key }),
    deleteRows(periodsTable, names, { key }),
  ];
}

/** Reads up to `limit` budgets of a project in the byte order of users, and the database's clock. */
export async function listBudgets(
  connection: Connection,
  page: { project: string; prefix: string; after: string | undefined; limit: number },
): Promise<{ budgets: Budget[]; nowUs: InstantUs }> {
  let query = connection
    .selectFrom("budgets")
    .selectAll()
    .select(sql<bigint>`clock_timestamp()`.as("clock"))
    .where("project", "=", page.project);
  // In collation "C", a LIKE with a fixed prefix is a range scan of the primary key.
  if (page.prefix !== "") query = query.where("user_id", "like", `${escapeLike(page.prefix)}%`);
  if (page.after !== undefined) query = query.where("user_id", ">", page.after);
  const rows: (BudgetRow & { clock: bigint })[] = await query.orderBy("user_id").limit(page.limit).execute();
  return { budgets: rows.map((row) => budgetsTable.fromRow(row)), nowUs: rows[0]?.clock ?? 0n };
}

const escapeLike = (text: string): string => text.replace(/[\\%_]/g, "\\$&");
