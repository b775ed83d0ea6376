import { LRUCache } from "lru-cache";
import { budgetKey } from "../../domain/budget.ts";
import type { BudgetName } from "../../store/names.ts";
import type { Store } from "../../store/store.ts";
import { readAncestors } from "../../store/tree.ts";

/**
 * Which ancestors a budget had when last looked: a hint for what to lock with it. Under the locks the parents of the
 * locked rows are the truth. Where the hint lacks one of them, it is read again and the batch begins again.
 */
export interface Ancestry {
  of(name: BudgetName): readonly string[];
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
        // Most budgets have none: that is not worth remembering.
        if (ancestors === undefined) known.delete(key);
        else known.set(key, ancestors);
      }
    },
  };
}
