import { atInstant, type Budget, budgetKey } from "../../domain/budget.ts";
import { Failure } from "../../domain/errors.ts";
import type { NanoUsd } from "../../domain/money.ts";
import type { InstantUs } from "../../domain/period.ts";
import { type CostRead, readCurrentCosts } from "../../store/budgets.ts";
import type { BudgetName } from "../../store/names.ts";
import type { Store } from "../../store/store.ts";

/** A budget as it is now, with what each model has spent of its current period. */
export interface CurrentCost {
  budget: Budget;
  modelCosts: ReadonlyMap<string, NanoUsd>;
}

/** What one budget spent in its current period, in all and by model. @throws BUDGET_NOT_FOUND */
export async function currentCost(store: Store, name: BudgetName): Promise<CurrentCost> {
  const found = await store.read((connection) => readCurrentCosts(connection, [name]));
  return presentCost(name, found.get(budgetKey(name.project, name.user)));
}

/** What was read, as it is now. @throws BUDGET_NOT_FOUND */
export function presentCost(name: BudgetName, found: CostRead | undefined): CurrentCost {
  if (found === undefined) {
    throw new Failure({ reason: "BUDGET_NOT_FOUND", project: name.project, user: name.user });
  }
  return costAt(found, found.nowUs);
}

/** A stored budget and its costs as they are at an instant. */
export function costAt({ budget: stored, modelCosts }: CurrentCost, nowUs: InstantUs): CurrentCost {
  const budget = atInstant(stored, nowUs);
  // The costs belong to the stored period; a new one that nobody has written down yet has none.
  return { budget, modelCosts: budget.periodId === stored.periodId ? modelCosts : new Map() };
}
