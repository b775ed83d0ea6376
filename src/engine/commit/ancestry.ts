import { LRUCache } from "lru-cache";
import { budgetKey } from "../../domain/budget.ts";
import type { BudgetName } from "../../store/names.ts";
import type { Store } from "../../store/store.ts";
import { readAncestors } from "../../store/tree.ts";

/**
 * A cache of each budget's ancestors. It is a hint that says which budgets to lock together. The parents in the locked rows
 * are the truth. If the hint lacks one of them, the ancestors are read again and the batch restarts.
 */
export interface Ancestry {
  /** Users of the ancestors, nearest first. Empty when the cache does not have the budget. */
  of(name: BudgetName): readonly string[];
  /** Reads the ancestors of these budgets from the database. */
  refresh(names: readonly BudgetName[]): Promise<void>;
}

const BUDGETS_MAX = 100_000;
const NONE: readonly string[] = [];

export function createAncestry(store: Store): Ancestry {
  const known = new LRUCache<string, readonly string[]>({ max: BUDGETS_MAX });
  return {
    of: ({ project, user }) => known.get(budgetKey(project, user)) ?? NONE,
    async refresh(names) {
      const found = await store.read((connection) => readAncestors(connection, names));
      for (const { project, user } of names) {
        const key = budgetKey(project, user);
        const ancestors = found.get(key);
        // Most budgets have no ancestors. `of` returns none for an absent key, so they need no room in the cache.
        if (ancestors === undefined) known.delete(key);
        else known.set(key, ancestors);
      }
    },
  };
}
