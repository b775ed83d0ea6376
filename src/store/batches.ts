import { sql } from "kysely";
import { type Budget, budgetKey } from "../domain/budget.ts";
import { type Changes, type Entry, type ModelCost, requestKey } from "../domain/entry.ts";
import type { InstantUs } from "../domain/period.ts";
import { arrayText } from "./array-text.ts";
import type { Connection } from "./connection.ts";
import type { BudgetName, RequestName } from "./names.ts";
import { insertPeriods } from "./periods.ts";
import { writeReservations } from "./reservations.ts";
import { type BudgetRow, budgetColumns, budgetFromRow, entryFromRow } from "./rows.ts";
import { timestampText } from "./timestamps.ts";
import { unnest } from "./unnest.ts";

const byProjectThen =
  <T extends { project: string }>(second: (row: T) => string) =>
  (a: T, b: T): number =>
    Buffer.compare(Buffer.from(a.project), Buffer.from(b.project)) ||
    Buffer.compare(Buffer.from(second(a)), Buffer.from(second(b)));

/**
 * Locks budgets in the order of their keys, so that no two batches can wait for each other, and reads the database's
 * clock. Budgets that do not exist are absent from the map.
 */
export async function lockBudgets(
  connection: Connection,
  names: readonly BudgetName[],
): Promise<{ budgets: Map<string, Budget>; nowUs: InstantUs }> {
  const rows = names.map(({ project, user }) => ({ project, user_id: user }));
  // The row lock is taken on top of the sort. The clock is read in its own column of a row that always exists, so that
  // it comes back even where no budget does.
  const result = await sql<BudgetRow & { clock: bigint; found: string | null }>`
    with locked as materialized (
      select b.* from ${unnest({ project: "text", user_id: "text" }, rows, "k")}
      join budgets b on b.project = k.project and b.user_id = k.user_id
      order by b.project, b.user_id
      for update of b
    )
    select clock_timestamp() as clock, locked.project as found, locked.*
    from (values (1)) as always left join locked on true
  `.execute(connection);
  const budgets = new Map<string, Budget>();
  let nowUs = 0n;
  for (const row of result.rows) {
    if (row.clock > nowUs) nowUs = row.clock;
    if (row.found !== null) budgets.set(budgetKey(row.project, row.user_id), budgetFromRow(row));
  }
  return { budgets, nowUs };
}

/**
 * The entries that carry these request ids. A lateral join on the full key: `request_id = ANY(...)` lets a planner with
 * stale statistics read a whole project.
 */
export async function findEntries(
  connection: Connection,
  names: readonly RequestName[],
): Promise<Map<string, Entry>> {
  const rows = names.map(({ project, requestId }) => ({ project, request_id: requestId }));
  const result = await sql<Parameters<typeof entryFromRow>[0]>`
    select e.* from ${unnest({ project: "text", request_id: "text" }, rows, "k")}
    cross join lateral (
      select * from entries where project = k.project and request_id = k.request_id limit 1
    ) e
  `.execute(connection);
  return new Map(result.rows.map((row) => [requestKey(row.project, row.request_id), entryFromRow(row)]));
}

/**
 * Writes what a batch decided, one statement a table.
 *
 * @returns false when a request id had been taken meanwhile by a batch on other budgets. The transaction must then be
 *   rolled back, and the batch decided again: its entry is visible now.
 */
export async function writeChanges(connection: Connection, changes: Changes): Promise<boolean> {
  if (!(await writeReservations(connection, changes.reservations))) return false;
  if (!(await insertEntries(connection, changes.entries))) return false;
  await updateBudgets(connection, changes.budgets);
  await addModelCosts(connection, changes.modelCosts);
  await insertPeriods(connection, changes.closed);
  return true;
}

/** In the order of the keys, so that batches with common request ids wait for each other in one direction only. */
async function insertEntries(connection: Connection, entries: readonly Entry[]): Promise<boolean> {
  if (entries.length === 0) return true;
  const rows = entries.toSorted(byProjectThen((entry) => entry.requestId)).map(entryColumns);
  const result = await sql<{ inserted: bigint }>`
    with inserted as (
      insert into entries (
        project, request_id, user_id, request_fingerprint, kind, source, model, cost_nano_usd, detail,
        reservation_id, ancestors, period_id, period_start, period_end, spent_after_nano_usd, held_after_nano_usd, total_after_nano_usd, created_at
      )
      select
        project, request_id, user_id, request_fingerprint, kind, source, model, cost_nano_usd, detail::jsonb,
        reservation_id, ancestors::text[], period_id, period_start::timestamptz, period_end::timestamptz, spent_after_nano_usd,
        held_after_nano_usd, total_after_nano_usd, created_at::timestamptz
      from ${unnest(ENTRY_COLUMNS, rows, "row")}
      on conflict (project, request_id) do nothing
      returning 1
    )
    select count(*) as inserted from inserted
  `.execute(connection);
  return result.rows[0]?.inserted === BigInt(entries.length);
}

const ENTRY_COLUMNS = {
  project: "text",
  request_id: "text",
  user_id: "text",
  request_fingerprint: "text",
  kind: "text",
  source: "text",
  model: "text",
  cost_nano_usd: "bigint",
  detail: "text",
  reservation_id: "text",
  ancestors: "text",
  period_id: "bigint",
  period_start: "text",
  period_end: "text",
  spent_after_nano_usd: "bigint",
  held_after_nano_usd: "bigint",
  total_after_nano_usd: "bigint",
  created_at: "text",
} as const;

const entryColumns = (entry: Entry) => ({
  project: entry.project,
  request_id: entry.requestId,
  user_id: entry.user,
  request_fingerprint: entry.fingerprint,
  kind: entry.kind,
  source: entry.source,
  model: entry.model ?? null,
  cost_nano_usd: entry.costNanoUsd,
  detail: entry.detail ?? null,
  reservation_id: entry.reservationId ?? null,
  ancestors: arrayText(entry.ancestors),
  period_id: entry.periodId,
  period_start: timestampText(entry.periodStartUs),
  period_end: entry.periodEndUs === undefined ? null : timestampText(entry.periodEndUs),
  spent_after_nano_usd: entry.spentAfterNanoUsd,
  held_after_nano_usd: entry.heldAfterNanoUsd,
  total_after_nano_usd: entry.totalAfterNanoUsd,
  created_at: timestampText(entry.createdAtUs),
});

/** The balances of locked budgets. What UpdateBudget changes is not among the columns. */
async function updateBudgets(connection: Connection, budgets: readonly Budget[]): Promise<void> {
  if (budgets.length === 0) return;
  const rows = budgets.map((budget) => ({
    project: budget.project,
    user_id: budget.user,
    ...balanceColumns(budget),
  }));
  await sql`
    update budgets b set
      spent_nano_usd = row.spent_nano_usd,
      held_nano_usd = row.held_nano_usd,
      period_id = row.period_id,
      period_start = row.period_start::timestamptz,
      period_end = row.period_end::timestamptz,
      model_limits = row.model_limits::jsonb,
      updated_at = row.updated_at::timestamptz
    from ${unnest(BALANCE_COLUMNS, rows, "row")}
    where b.project = row.project and b.user_id = row.user_id
  `.execute(connection);
}

const BALANCE_COLUMNS = {
  project: "text",
  user_id: "text",
  spent_nano_usd: "bigint",
  held_nano_usd: "bigint",
  period_id: "bigint",
  period_start: "text",
  period_end: "text",
  model_limits: "text",
  updated_at: "text",
} as const;

function balanceColumns(budget: Budget) {
  const { spent_nano_usd, held_nano_usd, period_id, period_start, period_end, model_limits, updated_at } =
    budgetColumns(budget);
  return { spent_nano_usd, held_nano_usd, period_id, period_start, period_end, model_limits, updated_at };
}

/** Rows of model_costs change only under the lock of their budget. */
async function addModelCosts(connection: Connection, costs: readonly ModelCost[]): Promise<void> {
  if (costs.length === 0) return;
  const rows = costs.map((cost) => ({
    project: cost.project,
    user_id: cost.user,
    period_id: cost.periodId,
    model: cost.model,
    cost_nano_usd: cost.costNanoUsd,
  }));
  const columns = {
    project: "text",
    user_id: "text",
    period_id: "bigint",
    model: "text",
    cost_nano_usd: "bigint",
  } as const;
  await sql`
    insert into model_costs (project, user_id, period_id, model, cost_nano_usd)
    select project, user_id, period_id, model, cost_nano_usd from ${unnest(columns, rows, "row")}
    on conflict (project, user_id, period_id, model)
    do update set cost_nano_usd = model_costs.cost_nano_usd + excluded.cost_nano_usd
  `.execute(connection);
}
