import type { Costs } from "../domain/legacy-memory.ts";
import type { NanoUsd } from "../domain/money.ts";

export const NO_COSTS: Costs = new Map();

/** The model name of the cost that `current_cost` contains beyond the sum of `model_cost`. */
export const NO_MODEL = "(no model)";

/**
 * The costs of a record, by model. Each model's sum is rounded once, so the number of updates adds no rounding error.
 * The total may differ from the sum of the models by the rounding; any cost beyond that belongs to NO_MODEL.
 */
export function costsOf(total: NanoUsd, byModel: readonly (readonly [string, NanoUsd])[]): Costs {
  const costs = new Map(byModel);
  const rest = total - sumOf(costs);
  // Each rounding, including that of the total, is off by at most half a nano-USD.
  if (rest > BigInt(byModel.length)) costs.set(NO_MODEL, rest + (costs.get(NO_MODEL) ?? 0n));
  return costs;
}

export const sumOf = (costs: Costs): NanoUsd => costs.values().reduce((sum, cost) => sum + cost, 0n);

/** Whether the cost of every model in `others` is at least as high in `costs`. NO_MODEL is ignored. */
export const isAtLeast = (costs: Costs, others: Costs): boolean =>
  others.entries().every(([model, cost]) => model === NO_MODEL || (costs.get(model) ?? 0n) >= cost);

/** The increase from `others` to `costs`, by model. Models without an increase are left out. */
export const growth = (costs: Costs, others: Costs): Costs =>
  new Map(
    costs
      .entries()
      .map(([model, cost]) => [model, cost - (others.get(model) ?? 0n)] as const)
      .filter(([, cost]) => cost > 0n),
  );
