import { sql } from "kysely";
import type { AuditedChange } from "../domain/audit.ts";
import type { Budget, ClosedPeriod } from "../domain/budget.ts";
import type { Entry, ModelCost } from "../domain/entry.ts";
import { auditParts } from "./audit.ts";
import { changedBalances, changedSettings, deletedBudgets, newBudgets } from "./budgets.ts";
import type { Connection } from "./connection.ts";
import { type RecordChange, recordParts } from "./legacy-records.ts";
import { type Part, writeParts } from "./parts.ts";
import { newPeriods } from "./periods.ts";
import { type ReservationChange, reservationParts } from "./reservations.ts";
import { insertRows } from "./table.ts";
import { entriesTable, modelCostsTable } from "./tables.ts";

/** The rows that a batch writes. Each row is listed at most once. */
export interface Changes {
  /** Budgets of which only the balances changed. */
  budgets: readonly Budget[];
  /** Budgets whose settings changed. */
  settings: readonly Budget[];
  created: readonly Budget[];
  deleted: readonly Budget[];
  entries: readonly Entry[];
  modelCosts: readonly ModelCost[];
  closed: readonly ClosedPeriod[];
  reservations: readonly ReservationChange[];
  /** The new memory of records of LiteLLM's map. */
  records: readonly RecordChange[];
  /** The administrative changes among them, in the order in which they were made. */
  audited: readonly AuditedChange[];
}

/**
 * Writes the changes of a batch to all tables, in one statement.
 *
 * @returns false when a name or an id is taken. A batch on other budgets may have taken it meanwhile, or an earlier one whose
 *   rows this batch did not look up. The transaction must be rolled back, and the batch decided again with the row that has
 *   the name or the id.
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
    ...auditParts(changes.audited),
  ]);

/** The order need only be the same on every server. */
const byKey = (a: Entry, b: Entry): number =>
  a.project === b.project ? order(a.requestId, b.requestId) : order(a.project, b.project);

const order = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/**
 * Inserts entries in the order of their keys, so that batches with common request ids cannot deadlock. An entry is not inserted
 * if a reservation has its id, because a request id is unique among both.
 */
const newEntries = (entries: readonly Entry[]): Part =>
  insertRows(entriesTable, entries.toSorted(byKey), {
    where: sql`(
      select true from reservations r
      where r.project = row.project and r.reservation_id = row.request_id limit 1
    ) is null`,
    onConflict: sql`on conflict (project, request_id) do nothing`,
  });

/** Adds to the costs by model. The lock of the budget protects these rows, so the order of inserts does not matter. */
const modelCosts = (costs: readonly ModelCost[]): Part =>
  insertRows(modelCostsTable, costs, {
    onConflict: sql`
      on conflict (project, user_id, period_id, model)
      do update set cost_nano_usd = model_costs.cost_nano_usd + excluded.cost_nano_usd`,
  });
