import { atInstant, type Budget } from "../../domain/budget.ts";
import type { InstantUs } from "../../domain/period.ts";
import { readBudget } from "../../store/budgets.ts";
import { summarizeOpen } from "../../store/reservations.ts";
import type { Store } from "../../store/store.ts";

/** A budget of the chain from a budget to its root, and what holds its money. */
export interface Level {
  budget: Budget;
  openReservations: bigint;
  nextExpireUs: InstantUs | undefined;
}

/** The chain from a budget to its root, and when anything frees up next on any of its levels. */
export async function levelsOf(
  store: Store,
  budget: Budget,
): Promise<{ levels: Level[]; nextFreeUs: InstantUs | undefined }> {
  const levels: Level[] = [];
  for (let next: Budget | undefined = budget; next !== undefined; next = await parentOf(store, next)) {
    const { project, user } = next;
    const { count, firstEndUs } = await store.read((connection) =>
      summarizeOpen(connection, { project, user }),
    );
    levels.push({ budget: next, openReservations: count, nextExpireUs: firstEndUs });
  }
  const moments = levels
    .flatMap((level) => [level.budget.periodEndUs, level.nextExpireUs])
    .filter((moment) => moment !== undefined);
  return { levels, nextFreeUs: moments.toSorted((a, b) => (a < b ? -1 : 1))[0] };
}

async function parentOf(store: Store, { project, parent }: Budget): Promise<Budget | undefined> {
  if (parent === undefined) return undefined;
  const found = await store.read((connection) => readBudget(connection, { project, user: parent }));
  return found && atInstant(found.budget, found.nowUs);
}
