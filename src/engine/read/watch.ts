import type { Budget } from "../../domain/budget.ts";
import { readClock } from "../../store/budgets.ts";
import type { BudgetName } from "../../store/names.ts";
import { summarizeOpen } from "../../store/reservations.ts";
import type { Store } from "../../store/store.ts";
import type { Feed } from "./feed.ts";
import type { Reader } from "./reader.ts";

const SPACING_MS = 100;
// Where a notification is lost, or cannot come, as through a pooler that has no sessions.
const POLL_MS = 2_000;

/**
 * The budget now, unless `isKnown` says that the caller has it, then after every change, at most ten times a second. Ends
 * when `signal` is aborted.
 *
 * @throws BUDGET_NOT_FOUND, at once or when it is deleted
 */
export async function* watchBudget(
  services: { store: Store; reader: Reader; feed: Feed },
  name: BudgetName,
  isKnown: (budget: Budget) => boolean,
  signal: AbortSignal,
): AsyncGenerator<Budget> {
  const { store, reader, feed } = services;
  let wake = Promise.withResolvers<void>();
  using _watch = feed.watch(name, () => wake.resolve());
  const stop = (): void => wake.resolve();
  signal.addEventListener("abort", stop);
  try {
    let last: Budget | undefined;
    while (!signal.aborted) {
      wake = Promise.withResolvers();
      const { budget } = await reader.read(name);
      const isNew = last === undefined ? !isKnown(budget) : differs(last, budget);
      last = budget;
      if (isNew) {
        yield budget;
        await pause(SPACING_MS, signal);
      }
      await Promise.race([wake.promise, pause(await untilNextMs(store, budget), signal)]);
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

const differs = (a: Budget, b: Budget): boolean =>
  a.updatedAtUs !== b.updatedAtUs || a.periodId !== b.periodId;

/** Until the budget changes by itself, by the end of its period or of a hold; or until it is time to look again. */
async function untilNextMs(store: Store, budget: Budget): Promise<number> {
  const moments = budget.periodEndUs === undefined ? [] : [budget.periodEndUs];
  if (budget.heldNanoUsd > 0n) {
    const { firstEndUs } = await store.read((connection) => summarizeOpen(connection, budget));
    if (firstEndUs !== undefined) moments.push(firstEndUs);
  }
  if (moments.length === 0) return POLL_MS;
  const nowUs = await store.read(readClock);
  const waits = moments.map((moment) => Number((moment - nowUs) / 1000n) + 1);
  return Math.max(1, Math.min(POLL_MS, ...waits));
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
