import { sql } from "kysely";
import { type Budget, budgetKey } from "../domain/budget.ts";
import type { NanoUsd } from "../domain/money.ts";
import type { InstantUs } from "../domain/period.ts";
import type { Connection } from "./connection.ts";
import { lockBudgets } from "./locks.ts";
import type { BudgetName } from "./names.ts";
import { columnsBut, insertRows, updateRows } from "./table.ts";
import { type BudgetRow, budgetsTable } from "./tables.ts";
import { unnest } from "./unnest.ts";

/** The database's clock. */
export async function readClock(connection: Connection): Promise<InstantUs> {
  const result = await sql<{ clock: bigint }>`select clock_timestamp() as clock`.execute(connection);
  return (result.rows[0] as { clock: bigint }).clock;
}

/** A budget as stored, with the clock, so that the caller can see it as it is now. */
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

/** A budget as stored, with what each model spent in its stored period, all of one moment. */
export interface CostRead {
  budget: Budget;
  modelCosts: Map<string, NanoUsd>;
  nowUs: InstantUs;
  /** Whether a hold has run out in its project, which the balances still count. */
  hasExpired: boolean;
}

/** What these budgets spent, by `budgetKey`; those that do not exist are absent. */
export async function readCurrentCosts(
  connection: Connection,
  names: readonly BudgetName[],
): Promise<Map<string, CostRead>> {
  const rows = names.map(({ project, user }) => ({ project, user_id: user }));
  const result = await sql<
    BudgetRow & { clock: bigint; model_costs: Record<string, string> | null; expired: true | null }
  >`
    select b.*, clock_timestamp() as clock, (
      select json_object_agg(c.model, c.cost_nano_usd::text order by c.model) from model_costs c
      where c.project = b.project and c.user_id = b.user_id and c.period_id = b.period_id
    ) as model_costs, (
      select true from reservations r
      where r.project = b.project and r.state = 'HELD' and r.expires_at <= statement_timestamp() limit 1
    ) as expired
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
        hasExpired: row.expired === true,
      },
    ]),
  );
}

/** Inserts a budget, unless the name is taken: then gives the one that has it. */
export async function insertBudget(
  connection: Connection,
  budget: Budget,
): Promise<{ budget: Budget; created: boolean }> {
  const onConflict = sql`on conflict (project, user_id) do nothing`;
  const { statement } = insertRows(budgetsTable, [budget], { onConflict });
  const { rows } = await sql<BudgetRow>`${statement} returning *`.execute(connection);
  if (rows[0] !== undefined) return { budget: budgetsTable.fromRow(rows[0]), created: true };
  const found = await readBudget(connection, budget);
  // Deleted between the two statements: the name is free again.
  return found ? { budget: found.budget, created: false } : insertBudget(connection, budget);
}

/** Locks one budget, inside a transaction. */
export async function lockBudget(
  connection: Connection,
  name: BudgetName,
): Promise<{ budget: Budget; nowUs: InstantUs } | undefined> {
  const { budgets, nowUs } = await lockBudgets(connection, [name]);
  const budget = budgets.get(budgetKey(name.project, name.user));
  return budget && { budget, nowUs };
}

/** What may change of a budget. */
const CHANGING_COLUMNS = columnsBut(budgetsTable, [
  "project",
  "user_id",
  "creation_fingerprint",
  "created_at",
]);

/** Writes every column that may change of a locked budget. */
export async function writeBudget(connection: Connection, budget: Budget): Promise<void> {
  await updateRows(budgetsTable, CHANGING_COLUMNS, [budget]).statement.execute(connection);
}

/** Deletes a locked budget with its periods and model costs. The ledger stays. */
export async function deleteBudget(connection: Connection, { project, user }: BudgetName): Promise<void> {
  for (const table of ["model_costs", "periods", "budgets"] as const) {
    await connection.deleteFrom(table).where("project", "=", project).where("user_id", "=", user).execute();
  }
}

/** Up to `limit` budgets of a project in order of user, by bytes, with the clock. */
export async function listBudgets(
  connection: Connection,
  page: { project: string; prefix: string; after: string | undefined; limit: number },
): Promise<{ budgets: Budget[]; nowUs: InstantUs }> {
  let query = connection
    .selectFrom("budgets")
    .selectAll()
    .select(sql<bigint>`clock_timestamp()`.as("clock"))
    .where("project", "=", page.project);
  // In collation "C" a LIKE with a fixed beginning is a range of the primary key.
  if (page.prefix !== "") query = query.where("user_id", "like", `${escapeLike(page.prefix)}%`);
  if (page.after !== undefined) query = query.where("user_id", ">", page.after);
  const rows: (BudgetRow & { clock: bigint })[] = await query.orderBy("user_id").limit(page.limit).execute();
  return { budgets: rows.map((row) => budgetsTable.fromRow(row)), nowUs: rows[0]?.clock ?? 0n };
}

const escapeLike = (text: string): string => text.replace(/[\\%_]/g, "\\$&");
