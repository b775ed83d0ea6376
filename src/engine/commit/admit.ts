import { appliesTo, type Budget, remaining, withAmounts } from "../../domain/budget.ts";
import type { BudgetError, Refusal } from "../../domain/errors.ts";
import type { Reserve } from "./operation.ts";

/**
 * Decides whether an amount fits. It is admitted if and only if spent + held + amount <= limit for the total and for each
 * limit that applies to the model, on the budget and on every ancestor. Equality admits. The amount is held on all levels or
 * on none.
 *
 * @param path The budget and its ancestors in their current periods, nearest first.
 * @returns The path with the amount held, or BUDGET_EXCEEDED, MODEL_LIMIT_EXCEEDED or AMOUNT_OVERFLOW for the first level
 *   that refuses.
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
