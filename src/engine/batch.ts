import { type Budget, budgetKey, type ClosedPeriod } from "../domain/budget.ts";
import { type Changes, type Entry, type ModelCost, requestKey } from "../domain/entry.ts";
import type { InstantUs } from "../domain/period.ts";
import { decide } from "./decide.ts";
import type { Operation, Verdict } from "./operation.ts";

/** The locked state that a batch is decided on. */
export interface Ground {
  /** By `budgetKey`. */
  budgets: ReadonlyMap<string, Budget>;
  /** Ledger entries whose request ids the batch carries, by `requestKey`. */
  entries: ReadonlyMap<string, Entry>;
  /** The database's clock. */
  nowUs: InstantUs;
}

/** Decides operations in order, each on what the ones before it left. Pure. One verdict for each, in order. */
export function decideBatch(
  operations: readonly Operation[],
  ground: Ground,
): { verdicts: Verdict[]; changes: Changes } {
  const budgets = new Map(ground.budgets);
  const entries = new Map(ground.entries);
  const changed = new Set<string>();
  const written: Entry[] = [];
  const closed: ClosedPeriod[] = [];
  const modelCosts = new Map<string, ModelCost>();

  const verdicts = operations.map((operation) => {
    const request = requestKey(operation.project, operation.requestId);
    const path = pathOf(budgets, operation);
    const decision = decide(path, operation, entries.get(request), ground.nowUs);
    decision.path.forEach((budget, level) => {
      if (budget === path[level]) return;
      const key = budgetKey(budget.project, budget.user);
      budgets.set(key, budget);
      changed.add(key);
    });
    if (decision.entry !== undefined) {
      entries.set(request, decision.entry);
      written.push(decision.entry);
      addModelCosts(modelCosts, decision.path, decision.entry);
    }
    closed.push(...decision.closed);
    return decision.verdict;
  });

  const changes: Changes = {
    budgets: [...changed].map((key) => budgets.get(key) as Budget),
    entries: written,
    modelCosts: [...modelCosts.values()],
    closed,
  };
  return { verdicts, changes };
}

/** The budget and its ancestors, nearest first. Empty when there is no such budget. */
function pathOf(budgets: ReadonlyMap<string, Budget>, operation: Operation): Budget[] {
  const path: Budget[] = [];
  let user: string | undefined = operation.user;
  while (user !== undefined) {
    const budget = budgets.get(budgetKey(operation.project, user));
    if (budget === undefined) break;
    path.push(budget);
    user = budget.parent;
  }
  return path;
}

function addModelCosts(sums: Map<string, ModelCost>, path: readonly Budget[], entry: Entry): void {
  if (entry.model === undefined) return;
  for (const { project, user, periodId } of path) {
    const key = `${budgetKey(project, user)}\0${periodId}\0${entry.model}`;
    const before = sums.get(key)?.costNanoUsd ?? 0n;
    sums.set(key, { project, user, periodId, model: entry.model, costNanoUsd: before + entry.costNanoUsd });
  }
}
