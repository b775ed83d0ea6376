import { writeChanges } from "../../store/changes.ts";
import type { Store } from "../../store/store.ts";
import { lockDueBudgets, projectsDue } from "../../store/sweeps.ts";
import { momentOf } from "../commit/decision.ts";
import type { Expiry } from "../commit/expiry.ts";

/** How far a sweep goes. */
export interface SweepBounds {
  /** Absent: every project. */
  project: string | undefined;
  /** Absent: every budget. */
  user: string | undefined;
}

/**
 * Writes down the periods that have ended, in transactions of at most `batchBudgetsMax` budgets, leaving budgets that
 * others hold: their holders write them down themselves. Any number of servers may sweep at once.
 *
 * @returns How many budgets were moved to a new period.
 */
export async function sweep(store: Store, bounds: SweepBounds, batchBudgetsMax: number): Promise<number> {
  const projects = bounds.project === undefined ? await store.read(projectsDue) : [bounds.project];
  let reset = 0;
  for (const project of projects) {
    const sweepAll = async (): Promise<void> => {
      for (let swept = batchBudgetsMax; swept === batchBudgetsMax; reset += swept) {
        swept = await sweepOnce(store, { project, user: bounds.user, limit: batchBudgetsMax });
      }
    };
    await Promise.all(Array.from({ length: TRANSACTIONS_AT_ONCE }, sweepAll));
  }
  return reset;
}

/** One is computed while the database works on the other. */
const TRANSACTIONS_AT_ONCE = 2;

const sweepOnce = (
  store: Store,
  bounds: { project: string; user: string | undefined; limit: number },
): Promise<number> =>
  store.transaction(async (transaction) => {
    const { budgets, nowUs } = await lockDueBudgets(transaction, bounds);
    const moments = budgets.map((budget) => momentOf([budget], nowUs));
    await writeChanges(transaction, {
      budgets: moments.flatMap((moment) => moment.current),
      entries: [],
      modelCosts: [],
      reservations: [],
      closed: moments.flatMap((moment) => moment.closed),
    });
    return budgets.length;
  });

/** Sweeps again and again, on a timer that does not keep the process alive. Disposing waits for the sweep at work. */
export function startSweeping(options: {
  store: Store;
  expiry: Expiry;
  intervalMs: number;
  batchBudgetsMax: number;
  onError: (error: unknown) => void;
}): AsyncDisposable {
  let atWork: Promise<unknown> | undefined;
  const timer = setInterval(() => {
    atWork ??= options.expiry
      .settle()
      .then(() => sweep(options.store, { project: undefined, user: undefined }, options.batchBudgetsMax))
      .catch(options.onError)
      .finally(() => {
        atWork = undefined;
      });
  }, options.intervalMs).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await atWork;
    },
  };
}
