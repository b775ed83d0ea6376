import { sql } from "kysely";
import type { Budget, ClosedPeriod } from "../domain/budget.ts";
import type { Entry, ModelCost } from "../domain/entry.ts";
import { arrayText } from "./array-text.ts";
import type { Connection } from "./connection.ts";
import { type Part, writeParts } from "./parts.ts";
import { newPeriods } from "./periods.ts";
import { type ReservationChange, reservationParts } from "./reservations.ts";
import { limitsToJson } from "./rows.ts";
import { timestampText } from "./timestamps.ts";
import { instantOf, unnest } from "./unnest.ts";

/** Rows to write, each at most once. */
export interface Changes {
  budgets: readonly Budget[];
  entries: readonly Entry[];
  modelCosts: readonly ModelCost[];
  closed: readonly ClosedPeriod[];
  reservations: readonly ReservationChange[];
}

/**
 * Writes what a batch decided: one statement a table, all of them sent as one.
 *
 * @returns false when an id had been taken meanwhile by a batch on other budgets, or before, where nobody looked. The
 *   transaction must then be rolled back, and the batch decided again with what has the id.
 */
export const writeChanges = (connection: Connection, changes: Changes): Promise<boolean> =>
  writeParts(connection, [
    ...reservationParts(changes.reservations),
    newEntries(changes.entries),
    balances(changes.budgets),
    modelCosts(changes.modelCosts),
    newPeriods(changes.closed),
  ]);

/** Any order does that is the same on every server. */
const byKey = (a: Entry, b: Entry): number =>
  a.project === b.project ? order(a.requestId, b.requestId) : order(a.project, b.project);

const order = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/**
 * In the order of the keys, so that batches with common request ids wait for each other in one direction only. An id that
 * has opened a reservation is taken, too.
 */
function newEntries(entries: readonly Entry[]): Part {
  const rows = entries.toSorted(byKey).map(entryColumns);
  const statement = sql`
    insert into entries (
      project, request_id, user_id, request_fingerprint, kind, source, model, cost_nano_usd, detail,
      reservation_id, ancestors, period_id, period_start, period_end, spent_after_nano_usd, held_after_nano_usd, total_after_nano_usd, created_at
    )
    select
      project, request_id, user_id, request_fingerprint, kind, source, model, cost_nano_usd, detail::jsonb,
      reservation_id, ancestors::text[], period_id, period_start::timestamptz, period_end::timestamptz, spent_after_nano_usd,
      held_after_nano_usd, total_after_nano_usd, ${instantOf("created_at")}
    from ${unnest(ENTRY_COLUMNS, rows, "row")}
    where (
      select true from reservations r
      where r.project = row.project and r.reservation_id = row.request_id limit 1
    ) is null
    on conflict (project, request_id) do nothing`;
  return { name: "new_entries", statement, rows: rows.length };
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
  created_at: "bigint",
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
  created_at: entry.createdAtUs,
});

/** The balances of locked budgets. What UpdateBudget changes is not among the columns. */
function balances(budgets: readonly Budget[]): Part {
  const rows = budgets.map((budget) => ({
    project: budget.project,
    user_id: budget.user,
    spent_nano_usd: budget.spentNanoUsd,
    held_nano_usd: budget.heldNanoUsd,
    period_id: budget.periodId,
    period_start: timestampText(budget.periodStartUs),
    period_end: budget.periodEndUs === undefined ? null : timestampText(budget.periodEndUs),
    model_limits: limitsToJson(budget.modelLimits),
    updated_at: timestampText(budget.updatedAtUs),
  }));
  const statement = sql`
    update budgets b set
      spent_nano_usd = row.spent_nano_usd,
      held_nano_usd = row.held_nano_usd,
      period_id = row.period_id,
      period_start = row.period_start::timestamptz,
      period_end = row.period_end::timestamptz,
      model_limits = row.model_limits::jsonb,
      updated_at = row.updated_at::timestamptz
    from ${unnest(BALANCE_COLUMNS, rows, "row")}
    where b.project = row.project and b.user_id = row.user_id`;
  return { name: "balances", statement, rows: rows.length };
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

/** Rows of model_costs change only under the lock of their budget. */
function modelCosts(costs: readonly ModelCost[]): Part {
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
  const statement = sql`
    insert into model_costs (project, user_id, period_id, model, cost_nano_usd)
    select project, user_id, period_id, model, cost_nano_usd from ${unnest(columns, rows, "row")}
    on conflict (project, user_id, period_id, model)
    do update set cost_nano_usd = model_costs.cost_nano_usd + excluded.cost_nano_usd`;
  return { name: "costs_of_models", statement, rows: rows.length };
}
