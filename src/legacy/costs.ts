import type { Costs } from "../domain/legacy-memory.ts";
import type { NanoUsd } from "../domain/money.ts";

export const NO_COSTS: Costs = new Map();

/** Stands for the model of what `current_cost` has more than the models of `model_cost` together. */
export const NO_MODEL = "(no model)";

/**
 * The costs that a record says. Each model's is rounded once, from its sum, so that nothing drifts however many updates
 * it took. The total may differ from the sum of models by that rounding; what it has beyond that is nobody's.
 */
export function costsOf(total: NanoUsd, byModel: readonly (readonly [string, NanoUsd])[]): Costs {
  const costs = new Map(byModel);
  const rest = total - sumOf(costs);
  // Each rounding is off by half a nano-USD at most, the total's own included.
  if (rest > BigInt(byModel.length)) costs.set(NO_MODEL, rest + (costs.get(NO_MODEL) ?? 0n));
  return costs;
}

export const sumOf = (costs: Costs): NanoUsd => costs.values().reduce((sum, cost) => sum + cost, 0n);

/** Whether no model has less in `costs` than in `others`. */
export const isAtLeast = (costs: Costs, others: Costs): boolean =>
  others.entries().every(([model, cost]) => model === NO_MODEL || (costs.get(model) ?? 0n) >= cost);

/** What `costs` have more than `others`, model by model. */
export const growth = (costs: Costs, others: Costs): Costs =>
  new Map(
    costs
      .entries()
      .map(([model, cost]) => [model, cost - (others.get(model) ?? 0n)] as const)
      .filter(([, cost]) => cost > 0n),
  );
