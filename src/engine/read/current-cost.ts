import { atInstant, type Budget } from "../../domain/budget.ts";
import { Failure } from "../../domain/errors.ts";
import type { NanoUsd } from "../../domain/money.ts";
import type { InstantUs } from "../../domain/period.ts";
import type { CostRead } from "../../store/budgets.ts";
import type { BudgetName } from "../../store/names.ts";

/** A budget as it is now, with what each model has spent of its current period. */
export interface CurrentCost {
  budget: Budget;
  modelCosts: ReadonlyMap<string, NanoUsd>;
  /** The database's clock when it was read. */
  nowUs: InstantUs;
}

/** What was read, as it is now. @throws BUDGET_NOT_FOUND */
export function presentCost(name: BudgetName, found: CostRead | undefined): CurrentCost {
  if (found === undefined) {
    throw new Failure({ reason: "BUDGET_NOT_FOUND", project: name.project, user: name.user });
  }
  return costAt(found, found.nowUs);
}

/** A stored budget and its costs as they are at an instant. */
export function costAt(
  { budget: stored, modelCosts }: Omit<CurrentCost, "nowUs">,
  nowUs: InstantUs,
): CurrentCost {
  const budget = atInstant(stored, nowUs);
  // The costs belong to the stored period; a new one that is not recorded yet has none.
  return { budget, modelCosts: budget.periodId === stored.periodId ? modelCosts : new Map(), nowUs };
}
