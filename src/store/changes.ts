import { sql } from "kysely";
import type { Budget, ClosedPeriod } from "../domain/budget.ts";
import type { Entry, ModelCost } from "../domain/entry.ts";
import { changedBalances, changedSettings, deletedBudgets, newBudgets } from "./budgets.ts";
import type { Connection } from "./connection.ts";
import { type RecordChange, recordParts } from "./legacy-records.ts";
import { type Part, writeParts } from "./parts.ts";
import { newPeriods } from "./periods.ts";
import { type ReservationChange, reservationParts } from "./reservations.ts";
import { insertRows } from "./table.ts";
import { entriesTable, modelCostsTable } from "./tables.ts";

/** Rows to write, each at most once. */
export interface Changes {
  /** Budgets whose balances changed, and nothing else. */
  budgets: readonly Budget[];
  /** Budgets whose settings changed. */
  settings: readonly Budget[];
  created: readonly Budget[];
  deleted: readonly Budget[];
  entries: readonly Entry[];
  modelCosts: readonly ModelCost[];
  closed: readonly ClosedPeriod[];
  reservations: readonly ReservationChange[];
  /** What to remember of records of LiteLLM's map. */
  records: readonly RecordChange[];
}

/**
 * Writes what a batch decided: one statement a table, all of them sent as one.
 *
 * @returns false when a name or an id was taken: meanwhile by a batch on other budgets, or before, where nobody looked. The
 *   transaction must then be rolled back, and the batch decided again with what has the name or the id.
 */
export const writeChanges = (connection: Connection, changes: Changes): Promise<boolean> =>
  writeParts(connection, [
    newBudgets(changes.created),
    ...reservationParts(changes.reservations),
    newEntries(changes.entries),
    changedBalances(changes.budgets),
    changedSettings(changes.settings),
    ...deletedBudgets(changes.deleted),
    modelCosts(changes.modelCosts),
    newPeriods(changes.closed),
    ...recordParts(changes.records),
  ]);

/** Any order does that is the same on every server. */
const byKey = (a: Entry, b: Entry): number =>
  a.project === b.project ? order(a.requestId, b.requestId) : order(a.project, b.project);

const order = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/**
 * In the order of the keys, so that batches with common request ids wait for each other in one direction only. An id that
 * has opened a reservation is taken, too.
 */
const newEntries = (entries: readonly Entry[]): Part =>
  insertRows(entriesTable, entries.toSorted(byKey), {
    where: sql`(
      select true from reservations r
      where r.project = row.project and r.reservation_id = row.request_id limit 1
    ) is null`,
    onConflict: sql`on conflict (project, request_id) do nothing`,
  });

/** Rows of model_costs change only under the lock of their budget. */
const modelCosts = (costs: readonly ModelCost[]): Part =>
  insertRows(modelCostsTable, costs, {
    onConflict: sql`
      on conflict (project, user_id, period_id, model)
      do update set cost_nano_usd = model_costs.cost_nano_usd + excluded.cost_nano_usd`,
  });
