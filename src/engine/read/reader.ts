import { budgetKey } from "../../domain/budget.ts";
import { type CostRead, readCurrentCosts } from "../../store/budgets.ts";
import type { BudgetName } from "../../store/names.ts";
import type { Store } from "../../store/store.ts";
import type { Expiry } from "../commit/expiry.ts";
import { createGroups } from "../groups.ts";
import { type CurrentCost, presentCost } from "./current-cost.ts";

/** Reads budgets as they are now. */
export interface Reader {
  /** What a budget spent in its current period, in all and by model. @throws BUDGET_NOT_FOUND */
  read(name: BudgetName): Promise<CurrentCost>;
}

const NAMES_MAX = 1000;
/** One is on its way while the next is put together. */
const IN_FLIGHT_MAX = 2;

/** Reads that arrive while others are at work share the next statement, as operations share a transaction. */
export function createReader({ store, expiry }: { store: Store; expiry: Expiry }): Reader {
  const groups = createGroups<BudgetName, CostRead | undefined>({
    itemsMax: NAMES_MAX,
    inFlightMax: IN_FLIGHT_MAX,
    async work(names) {
      const keys = names.map(({ project, user }) => budgetKey(project, user));
      const distinct = new Map(names.map((name, index) => [keys[index] as string, name]));
      const found = await store.read((connection) => readCurrentCosts(connection, [...distinct.values()]));
      return keys.map((key) => found.get(key));
    },
  });
  return {
    async read(name) {
      for (;;) {
        const found = await groups.submit(name);
        if (found?.hasExpired !== true) return presentCost(name, found);
        await expiry.settle(name.project);
      }
    },
  };
}
