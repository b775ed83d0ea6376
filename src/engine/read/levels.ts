import { atInstant, type Budget } from "../../domain/budget.ts";
import type { InstantUs } from "../../domain/period.ts";
import { readBudget } from "../../store/budgets.ts";
import { summarizeOpen } from "../../store/reservations.ts";
import type { Store } from "../../store/store.ts";

/** One budget of the chain from a budget to its root, with its open reservations and its descendants'. */
export interface Level {
  budget: Budget;
  openReservations: bigint;
  /** When the first of the open reservations expires. Undefined when none is open. */
  nextExpireUs: InstantUs | undefined;
}

/**
 * Reads the chain from a budget to its root.
 *
 * @returns The levels, nearest first, and the next instant at which a period ends or a hold expires on any of them.
 */
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
