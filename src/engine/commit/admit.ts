import { appliesTo, type Budget, remaining, withAmounts } from "../../domain/budget.ts";
import type { BudgetError, Refusal } from "../../domain/errors.ts";
import type { Reserve } from "./operation.ts";

/**
 * The limit: an amount is admitted if and only if spent + held + amount <= total on the budget and on every ancestor, and
 * on each limit for the model. Equality admits. All levels hold it, or none.
 *
 * @param path The budget and its ancestors as they are now, nearest first.
 */
export function admit(
  path: readonly Budget[],
  operation: Pick<Reserve, "project" | "model" | "amountNanoUsd">,
): { path: Budget[] } | BudgetError {
  const { project, model, amountNanoUsd } = operation;
  const levels = path.map((budget) => ({ user: budget.user, remainingNanoUsd: remaining(budget) }));
  const refused = (user: string, remainingNanoUsd: bigint): Refusal => ({
    project,
    user,
    model,
    amountNanoUsd,
    remainingNanoUsd,
    levels,
  });
  const held: Budget[] = [];
  for (const budget of path) {
    if (amountNanoUsd > remaining(budget)) {
      return { reason: "BUDGET_EXCEEDED", ...refused(budget.user, remaining(budget)) };
    }
    for (const limit of budget.modelLimits.filter((each) => appliesTo(each, model))) {
      const left = limit.limitNanoUsd - limit.spentNanoUsd - limit.heldNanoUsd;
      if (amountNanoUsd > left) {
        return { reason: "MODEL_LIMIT_EXCEEDED", limit: limit.model, ...refused(budget.user, left) };
      }
    }
    const after = withAmounts(budget, { model, heldNanoUsd: amountNanoUsd });
    if (after === undefined) return { reason: "AMOUNT_OVERFLOW", project, user: budget.user };
    held.push(after);
  }
  return { path: held };
}
