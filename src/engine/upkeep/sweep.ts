import type { Store } from "../../store/store.ts";
import { findDue, projectsDue } from "../../store/sweeps.ts";
import type { Engine } from "../commit/engine.ts";

/** How far a sweep goes. */
export interface SweepBounds {
  /** Absent: every project. */
  project: string | undefined;
  /** Absent: every budget. */
  user: string | undefined;
}

/** Slices of due budgets that are under way at once: one is decided while the database works on the other. */
const SLICES_AT_ONCE = 2;

/**
 * Records the periods that have ended, in slices of at most `batchBudgetsMax` budgets a transaction. Budgets that another
 * session has locked are left for the next sweep. Any number of servers may sweep at once.
 *
 * @returns How many budgets were moved to a new period.
 */
export async function sweep(
  { store, engine }: { store: Store; engine: Engine },
  bounds: SweepBounds,
  batchBudgetsMax: number,
): Promise<number> {
  const projects = bounds.project === undefined ? await store.read(projectsDue) : [bounds.project];
  const limit = batchBudgetsMax * SLICES_AT_ONCE;
  let reset = 0;
  for (const project of projects) {
    for (let moved = limit; moved > 0; reset += moved) {
      const due = await store.read((connection) =>
        findDue(connection, { project, user: bounds.user, limit }),
      );
      const verdicts = await Promise.all(
        due.map((name) => engine.submitInBackground({ kind: "roll", ...name })),
      );
      moved = verdicts.filter((verdict) => verdict.ok && verdict.changed).length;
    }
  }
  return reset;
}

/** Sweeps again and again, on a timer that does not keep the process alive. Disposing waits for the sweep at work. */
export function startSweeping(options: {
  store: Store;
  engine: Engine;
  intervalMs: number;
  batchBudgetsMax: number;
  onError: (error: unknown) => void;
}): AsyncDisposable {
  const { engine, batchBudgetsMax } = options;
  let atWork: Promise<unknown> | undefined;
  const timer = setInterval(() => {
    atWork ??= engine
      .endExpired({})
      .then(() => sweep(options, { project: undefined, user: undefined }, batchBudgetsMax))
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
