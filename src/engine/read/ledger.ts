import { atInstant, type ClosedPeriod } from "../../domain/budget.ts";
import type { Entry } from "../../domain/entry.ts";
import { Failure } from "../../domain/errors.ts";
import type { NanoUsd } from "../../domain/money.ts";
import type { InstantUs } from "../../domain/period.ts";
import { readBudget } from "../../store/budgets.ts";
import { type EntryCursor, hasEntries, listEntries, readModelCosts } from "../../store/ledger.ts";
import type { BudgetName } from "../../store/names.ts";
import { listPeriods } from "../../store/periods.ts";
import type { Store } from "../../store/store.ts";
import { endedPeriod } from "../commit/decision.ts";
import { type Page, readPage } from "./page.ts";

/** Which entries to list. */
export interface EntryPage {
  project: string;
  /** Undefined: entries of all users. */
  user: string | undefined;
  /** The first instant, inclusive. */
  startUs: InstantUs | undefined;
  /** The end of the range, exclusive. */
  endUs: InstantUs | undefined;
  /** The last entry of the previous page. */
  before: EntryCursor | undefined;
  limit: number;
}

/** Reads a page of the ledger, newest first. @throws BUDGET_NOT_FOUND for a user who has neither a budget nor entries */
export async function listCostEntries(store: Store, { limit, ...page }: EntryPage): Promise<Page<Entry>> {
  const found = await readPage<Entry>(limit, (rowsMax, before = page.before) =>
    store.read((connection) => listEntries(connection, { ...page, before, limit: rowsMax })),
  );
  if (found.items.length === 0 && page.user !== undefined) {
    await requireKnown(store, { project: page.project, user: page.user });
  }
  return found;
}

/**
 * Distinguishes an unknown user from a user with an empty list. A user with entries is known even without a budget, because the
 * entries of a deleted budget stay readable.
 */
async function requireKnown(store: Store, name: BudgetName): Promise<void> {
  const known = await store.read(
    async (connection) =>
      (await readBudget(connection, name)) !== undefined || (await hasEntries(connection, name)),
  );
  if (!known) throw new Failure({ reason: "BUDGET_NOT_FOUND", ...name });
}

export type DetailedPeriod = ClosedPeriod & { modelCosts: ReadonlyMap<string, NanoUsd> };

/** Which periods to list. */
export interface PeriodPage {
  project: string;
  user: string;
  /** The id of the last period of the previous page. */
  before: bigint | undefined;
  limit: number;
}

/**
 * Reads a page of a budget's closed periods, newest first. It includes a period that has ended but is not recorded yet because
 * the budget has not changed since.
 *
 * @throws BUDGET_NOT_FOUND
 */
export async function listClosedPeriods(
  store: Store,
  { limit, ...page }: PeriodPage,
): Promise<Page<DetailedPeriod>> {
  const { project, user } = page;
  const found = await store.read((connection) => readBudget(connection, page));
  if (found === undefined) throw new Failure({ reason: "BUDGET_NOT_FOUND", project, user });
  const ended = endedPeriod(found.budget, atInstant(found.budget, found.nowUs));
  return readPage<DetailedPeriod>(limit, async (rowsMax, last) => {
    const before = last === undefined ? page.before : last.periodId;
    const recorded = await store.read((connection) =>
      listPeriods(connection, { ...page, before, limit: rowsMax }),
    );
    const unrecorded = ended.filter((period) => period.periodId !== recorded[0]?.periodId);
    const periods = before === undefined ? [...unrecorded, ...recorded] : recorded;
    const ids = periods.map((period) => period.periodId);
    const costs = await store.read((connection) => readModelCosts(connection, page, ids));
    return periods.map((period) => ({ ...period, modelCosts: costs.get(period.periodId) ?? new Map() }));
  });
}
