import type { Store } from "../../store/store.ts";
import { findDue, projectsDue } from "../../store/sweeps.ts";
import type { Engine } from "../commit/engine.ts";

/** Which budgets a sweep covers. */
export interface SweepBounds {
  /** Absent: every project. */
  project: string | undefined;
  /** Absent: every budget. */
  user: string | undefined;
}

/** Two, so that one slice of due budgets is decided while the database works on the other. */
const SLICES_AT_ONCE = 2;

/**
 * Records the periods that have ended, with at most `batchBudgetsMax` budgets in a transaction. A budget that another session
 * keeps locked for too long is left for the next sweep. Any number of servers may sweep at the same time.
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

/** Sweeps every `intervalMs`. The timer does not keep the process alive. Disposing waits for a running sweep. */
export function startSweeping(options: {
  store: Store;
  engine: Engine;
  intervalMs: number;
  batchBudgetsMax: number;
  onError: (error: unknown) => void;
}): AsyncDisposable {
  const { engine, batchBudgetsMax } = options;
  let running: Promise<unknown> | undefined;
  const timer = setInterval(() => {
    running ??= engine
      .endExpired({})
      .then(() => sweep(options, { project: undefined, user: undefined }, batchBudgetsMax))
      .catch(options.onError)
      .finally(() => {
        running = undefined;
      });
  }, options.intervalMs).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
    },
  };
}
