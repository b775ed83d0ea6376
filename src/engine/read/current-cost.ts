import { atInstant, type Budget } from "../../domain/budget.ts";
import { Failure } from "../../domain/errors.ts";
import type { NanoUsd } from "../../domain/money.ts";
import type { InstantUs } from "../../domain/period.ts";
import type { CostRead } from "../../store/budgets.ts";
import type { BudgetName } from "../../store/names.ts";

/** A budget in its current period. */
export interface CurrentCost {
  budget: Budget;
  /** Amounts spent in the current period, by model. */
  modelCosts: ReadonlyMap<string, NanoUsd>;
  /** The database's clock when it was read. */
  nowUs: InstantUs;
}

/** A stored budget in the period that is current at the time of the read. @throws BUDGET_NOT_FOUND when `found` is undefined */
export function presentCost(name: BudgetName, found: CostRead | undefined): CurrentCost {
  if (found === undefined) {
    throw new Failure({ reason: "BUDGET_NOT_FOUND", project: name.project, user: name.user });
  }
  return costAt(found, found.nowUs);
}

/** A stored budget and its costs, in the period that is current at `nowUs`. */
export function costAt(
  { budget: stored, modelCosts }: Omit<CurrentCost, "nowUs">,
  nowUs: InstantUs,
): CurrentCost {
  const budget = atInstant(stored, nowUs);
  // The costs belong to the stored period. If it has ended, nothing is spent in the new one yet.
  return { budget, modelCosts: budget.periodId === stored.periodId ? modelCosts : new Map(), nowUs };
}
