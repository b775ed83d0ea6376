import type { BudgetName } from "../../store/names.ts";
import { hasExpired, projectsWithExpired } from "../../store/reservations.ts";
import type { Store } from "../../store/store.ts";
import type { Ancestry } from "./ancestry.ts";
import { commitExpired } from "./transaction.ts";

/** Ends holds that have run out. */
export interface Expiry {
  /** In one project, or in all of them where none is named. @returns How many were ended. */
  settle(project?: string): Promise<number>;
}

/** Batches of the engine end what has run out by themselves; this is for readers, and for the sweep. */
export const createExpiry = (options: {
  store: Store;
  ancestry: Ancestry;
  onChanged: (names: readonly BudgetName[]) => void;
}): Expiry => {
  const { store, ancestry, onChanged } = options;
  const settleOne = async (project: string): Promise<number> => {
    let ended = 0;
    while (await store.read((connection) => hasExpired(connection, project))) {
      const { expired, changed } = await commitExpired(store, ancestry, project);
      onChanged(changed);
      ended += expired;
    }
    return ended;
  };
  return {
    async settle(project) {
      if (project !== undefined) return settleOne(project);
      let ended = 0;
      for (const each of await store.read(projectsWithExpired)) ended += await settleOne(each);
      return ended;
    },
  };
};
