import { setTimeout as sleep } from "node:timers/promises";
import type { InstantUs } from "../../domain/period.ts";
import { type Prunable, projectsIn, pruneSlice, type WalkPosition } from "../../store/prune.ts";
import type { Store } from "../../store/store.ts";

/** What has been deleted, or would be, of each table. */
export type Pruned = Record<Prunable, number> & {
  /** Entries from before the instant that stay, since they count in a period that is not closed, or a reservation stays. */
  entriesKept: number;
};

// Reservations before the entries that closed them, periods before their costs: what is interrupted leaves nothing that
// does not add up.
const ORDER: readonly Prunable[] = ["reservations", "entries", "periods", "model_costs"];
const SLICE_ROWS_MAX = 5_000;

export const NOTHING_PRUNED: Pruned = {
  reservations: 0,
  entries: 0,
  periods: 0,
  model_costs: 0,
  entriesKept: 0,
};

/** Every project that has anything to prune, in order of name. */
export async function prunableProjects(store: Store): Promise<string[]> {
  const lists = await Promise.all(
    ORDER.map((table) => store.read((connection) => projectsIn(connection, table))),
  );
  return [...new Set(lists.flat())].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/**
 * Deletes what a project has of the past: reservations closed before an instant, ledger entries from before it that count
 * in no current period, periods that had ended by then, and costs of periods that are gone. In slices, each a transaction
 * of its own with a pause as long as itself after it, beside servers at work. What is interrupted is done, and goes on
 * when it is called again.
 *
 * @param bounds.signal Ends the work after the slice that is under way.
 * @param bounds.sliceRowsMax Rows that one transaction looks at, at most.
 * @param onSlice Told of what has been done so far.
 */
export async function pruneProject(
  store: Store,
  bounds: {
    project: string;
    beforeUs: InstantUs;
    dryRun: boolean;
    signal: AbortSignal;
    sliceRowsMax?: number;
  },
  onSlice: (pruned: Pruned) => void = () => {},
): Promise<Pruned> {
  const { signal, sliceRowsMax = SLICE_ROWS_MAX } = bounds;
  const pruned = { ...NOTHING_PRUNED };
  for (const table of ORDER) {
    let after: WalkPosition | undefined;
    do {
      if (signal.aborted) return pruned;
      const startedMs = performance.now();
      const slice = await store.transaction((connection) =>
        pruneSlice(connection, table, bounds, after, sliceRowsMax),
      );
      pruned[table] += slice.deleted;
      if (table === "entries") pruned.entriesKept += slice.read - slice.deleted;
      after = slice.read < sliceRowsMax ? undefined : slice.last;
      onSlice(pruned);
      await sleep(performance.now() - startedMs, undefined, { signal }).catch(() => {});
    } while (after !== undefined);
  }
  return pruned;
}

export const addPruned = (a: Pruned, b: Pruned): Pruned => ({
  reservations: a.reservations + b.reservations,
  entries: a.entries + b.entries,
  periods: a.periods + b.periods,
  model_costs: a.model_costs + b.model_costs,
  entriesKept: a.entriesKept + b.entriesKept,
});
