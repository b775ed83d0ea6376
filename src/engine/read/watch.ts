import type { Budget } from "../../domain/budget.ts";
import type { InstantUs } from "../../domain/period.ts";
import type { BudgetName } from "../../store/names.ts";
import { summarizeOpen } from "../../store/reservations.ts";
import type { Store } from "../../store/store.ts";
import type { Feed } from "./feed.ts";
import type { Reader } from "./reader.ts";

/** The time between two answers to one watcher, at least. */
const SPACING_MS = 100;
/** With more than 100 watchers, each gets answers less often, so that the server sends at most 1,000 answers a second. */
const SPACING_MS_PER_WATCHER = 1;

/**
 * Yields the current budget, unless `isKnown` says that the caller already has it. Then yields it after every change, at most
 * ten times a second. Ends when `signal` is aborted.
 *
 * @param services.watchPollMs It polls as often as this, too, because a notification may be lost, or cannot arrive, as through a
 *   pooler that has no sessions.
 * @throws BUDGET_NOT_FOUND, at once or when it is deleted
 */
export async function* watchBudget(
  services: { store: Store; reader: Pick<Reader, "current">; feed: Feed; watchPollMs: number },
  name: BudgetName,
  isKnown: (budget: Budget) => boolean,
  signal: AbortSignal,
): AsyncGenerator<Budget> {
  const { store, reader, feed, watchPollMs } = services;
  let wake = Promise.withResolvers<void>();
  const wakeUp = (): void => wake.resolve();
  using _watch = feed.watch(name, wakeUp);
  signal.addEventListener("abort", wakeUp);
  let alarm: NodeJS.Timeout | undefined;
  try {
    let last: Budget | undefined;
    let firstHoldEndUs: InstantUs | undefined;
    while (!signal.aborted) {
      wake = Promise.withResolvers();
      const { budget, nowUs } = await reader.current(name);
      const isNew = last === undefined ? !isKnown(budget) : differs(last, budget);
      if (last === undefined || differs(last, budget)) firstHoldEndUs = await holdEnd(store, budget);
      last = budget;
      // Is set here, because the pause after an answer must not delay the end of a period or of a hold.
      alarm = setTimeout(wakeUp, untilNextMs(nowUs, [budget.periodEndUs, firstHoldEndUs], watchPollMs));
      if (isNew) {
        yield budget;
        await pause(Math.max(SPACING_MS, feed.watchers * SPACING_MS_PER_WATCHER), signal);
      }
      await wake.promise;
      clearTimeout(alarm);
    }
  } finally {
    clearTimeout(alarm);
    signal.removeEventListener("abort", wakeUp);
  }
}

/** The ids of periods are not compared: one that is not recorded yet gets another id from every read. */
const differs = (a: Budget, b: Budget): boolean =>
  a.updatedAtUs !== b.updatedAtUs || a.periodStartUs !== b.periodStartUs;

/** When the first of a budget's holds expires. It is read once for each change of the budget. */
async function holdEnd(store: Store, budget: Budget): Promise<InstantUs | undefined> {
  if (budget.heldNanoUsd === 0n) return undefined;
  const { firstEndUs } = await store.read((connection) => summarizeOpen(connection, budget));
  return firstEndUs;
}

/** Milliseconds until the budget changes without an operation (its period ends, or a hold expires), and at most `msMax`. */
function untilNextMs(nowUs: InstantUs, moments: readonly (InstantUs | undefined)[], msMax: number): number {
  const waits = moments
    .filter((moment) => moment !== undefined)
    .map((moment) => Number((moment - nowUs) / 1000n) + 1);
  return Math.max(1, Math.min(msMax, ...waits));
}

/** Resolves after `ms`, or at once when the signal is aborted. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
