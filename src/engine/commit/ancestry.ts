import { budgetKey } from "../../domain/budget.ts";
import type { BudgetName } from "../../store/names.ts";
import type { Store } from "../../store/store.ts";
import { readAncestors } from "../../store/tree.ts";

/**
 * Which ancestors a budget had when last looked: a hint for what to lock with it. Under the locks the parents of the
 * locked rows are the truth; where the hint falls short of it, it is read again and the batch begins anew.
 */
export interface Ancestry {
  of(name: BudgetName): readonly string[];
  refresh(name: BudgetName): Promise<void>;
}

const BUDGETS_MAX = 100_000;

export function createAncestry(store: Store): Ancestry {
  const known = new Map<string, readonly string[]>();
  return {
    of: ({ project, user }) => known.get(budgetKey(project, user)) ?? [],
    async refresh(name) {
      const ancestors = await store.read((connection) => readAncestors(connection, name));
      const key = budgetKey(name.project, name.user);
      known.delete(key);
      const oldest = known.size >= BUDGETS_MAX ? known.keys().next() : undefined;
      if (oldest?.done === false) known.delete(oldest.value);
      known.set(key, ancestors);
    },
  };
}
