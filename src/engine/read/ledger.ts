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

/** A page of the ledger, newest first. @throws BUDGET_NOT_FOUND for a user of whom there is nothing at all. */
export async function listCostEntries(
  store: Store,
  page: {
    project: string;
    user: string | undefined;
    startUs: InstantUs | undefined;
    endUs: InstantUs | undefined;
    before: EntryCursor | undefined;
    limit: number;
  },
): Promise<{ entries: Entry[]; more: boolean }> {
  const entries = await store.read((connection) =>
    listEntries(connection, { ...page, limit: page.limit + 1 }),
  );
  if (entries.length === 0 && page.user !== undefined) {
    await requireKnown(store, { project: page.project, user: page.user });
  }
  return { entries: entries.slice(0, page.limit), more: entries.length > page.limit };
}

/** A deleted budget's entries stay readable; a name that never was is told apart from an empty list. */
async function requireKnown(store: Store, name: BudgetName): Promise<void> {
  const known = await store.read(
    async (connection) =>
      (await readBudget(connection, name)) !== undefined || (await hasEntries(connection, name)),
  );
  if (!known) throw new Failure({ reason: "BUDGET_NOT_FOUND", ...name });
}

export type DetailedPeriod = ClosedPeriod & { modelCosts: ReadonlyMap<string, NanoUsd> };

/**
 * A page of a budget's closed periods, newest first. One that has ended but is not written down yet, because nobody has
 * touched the budget since, is among them.
 *
 * @throws BUDGET_NOT_FOUND
 */
export async function listClosedPeriods(
  store: Store,
  page: { project: string; user: string; before: bigint | undefined; limit: number },
): Promise<{ periods: DetailedPeriod[]; more: boolean }> {
  const found = await store.read((connection) => readBudget(connection, page));
  if (found === undefined)
    throw new Failure({ reason: "BUDGET_NOT_FOUND", project: page.project, user: page.user });
  const ended = endedPeriod(found.budget, atInstant(found.budget, found.nowUs));
  const written = await store.read((connection) =>
    listPeriods(connection, { ...page, limit: page.limit + 1 }),
  );
  const isFirstPage = page.before === undefined;
  const unwritten = isFirstPage ? ended.filter((period) => period.periodId !== written[0]?.periodId) : [];
  const periods = [...unwritten, ...written];
  const shown = periods.slice(0, page.limit);
  const ids = shown.map((period) => period.periodId);
  const costs = await store.read((connection) => readModelCosts(connection, page, ids));
  return {
    periods: shown.map((period) => ({ ...period, modelCosts: costs.get(period.periodId) ?? new Map() })),
    more: periods.length > page.limit,
  };
}
