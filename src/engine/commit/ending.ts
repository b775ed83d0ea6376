import { budgetKey } from "../../domain/budget.ts";
import { type CommitContext, type Committed, commitExpired } from "./transaction.ts";

/** Ends expired holds, a slice in each transaction. */
export interface Ending {
  /** @returns How many were ended of a project, or of those that count on one of its budgets. */
  now(project: string, user: string | undefined): Promise<number>;
  /** The same for a project, in the background and once a second at most. */
  soon(project: string): void;
}

/** How often the holds of a project are ended by `soon`, at most. */
const PAUSE_MS = 1_000;

/** @param onCommitted Told of each slice. */
export function createEnding(context: CommitContext, onCommitted: (slice: Committed) => void): Ending {
  /** What is under way, so that readers that come together share it. */
  const underWay = new Map<string, Promise<number>>();
  /** Projects for which `soon` does nothing now. */
  const paused = new Set<string>();

  const endAll = async (project: string, user: string | undefined): Promise<number> => {
    for (let ended = 0; ; ) {
      const slice = await commitExpired(context, { project, user });
      onCommitted(slice);
      ended += slice.expired;
      // A slice that ends nothing finds nothing, or only holds on busy budgets.
      if (slice.expired === 0) return ended;
    }
  };

  const now = async (project: string, user: string | undefined): Promise<number> => {
    const key = budgetKey(project, user ?? "");
    const earlier = underWay.get(key);
    // It may have begun before the holds expired: only one that began since is shared.
    await earlier?.catch(() => {});
    const shared = underWay.get(key);
    if (shared !== undefined && shared !== earlier) return shared;
    const own = endAll(project, user);
    underWay.set(key, own);
    const forget = (): unknown => underWay.get(key) === own && underWay.delete(key);
    own.then(forget, forget);
    return own;
  };

  return {
    now,
    soon(project) {
      if (paused.has(project)) return;
      paused.add(project);
      const resume = (): unknown => setTimeout(() => paused.delete(project), PAUSE_MS).unref();
      // What fails here is tried again by the next batch, and by the sweep.
      now(project, undefined).then(resume, resume);
    },
  };
}
