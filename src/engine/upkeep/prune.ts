import { setTimeout as sleep } from "node:timers/promises";
import type { InstantUs } from "../../domain/period.ts";
import { type Prunable, projectsIn, pruneSlice, type WalkPosition } from "../../store/prune.ts";
import type { Store } from "../../store/store.ts";

/** How many rows of each table were deleted, or in a dry run would be. */
export type Pruned = Record<Prunable, number> & {
  /** Entries from before the instant that stay, because they count in a period that is not closed, or their reservation stays. */
  entriesKept: number;
};

/**
 * Reservations are deleted before the entries that closed them, and periods before their costs. So an interrupted prune leaves
 * only rows that still add up.
 */
const ORDER: readonly Prunable[] = ["reservations", "entries", "periods", "model_costs"];
const SLICE_ROWS_MAX = 5_000;

export const NOTHING_PRUNED: Pruned = {
  reservations: 0,
  entries: 0,
  periods: 0,
  model_costs: 0,
  entriesKept: 0,
};

/** Every project that has rows in a table that can be pruned, in the byte order of names. */
export async function prunableProjects(store: Store): Promise<string[]> {
  const lists = await Promise.all(
    ORDER.map((table) => store.read((connection) => projectsIn(connection, table))),
  );
  return [...new Set(lists.flat())].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/**
 * Deletes old rows of a project: reservations closed before an instant, ledger entries from before it that count in no current
 * period, periods that had ended by then, and costs of periods that were deleted.
 *
 * Works in slices, so that servers can go on beside it. Each slice is a transaction. The pause after it is as long as the slice
 * itself. An interrupted prune keeps what it has deleted, and the next call continues.
 *
 * @param bounds.signal Ends the work after the current slice.
 * @param bounds.sliceRowsMax Rows that one transaction reads, at most.
 * @param onSlice Called after each slice with the counts so far.
 * @returns The counts of all slices.
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
