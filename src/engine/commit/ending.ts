import { budgetKey } from "../../domain/budget.ts";
import { type CommitContext, type Committed, commitExpired } from "./transaction.ts";

/** Ends expired holds in slices, each in its own transaction, so that other transactions run in between. */
export interface Ending {
  /**
   * Ends the expired holds of a project, or with `user` those that count on one of its budgets.
   *
   * @returns How many were ended.
   */
  now(project: string, user: string | undefined): Promise<number>;
  /** Does the same for a project in the background, and at most once a second. */
  soon(project: string): void;
  /** Resolves when none runs any more. */
  drain(): Promise<void>;
}

/** How long `soon` ignores a project after it has ended the project's holds. */
const PAUSE_MS = 1_000;

/** @param onCommitted Called after each slice is durable. */
export function createEnding(context: CommitContext, onCommitted: (slice: Committed) => void): Ending {
  /** Running calls of `now`, by project and user. Concurrent readers share one. */
  const running = new Map<string, Promise<number>>();
  /** Projects that `soon` ignores at the moment. */
  const paused = new Set<string>();

  const endAll = async (project: string, user: string | undefined): Promise<number> => {
    for (let ended = 0; ; ) {
      const slice = await commitExpired(context, { project, user });
      onCommitted(slice);
      ended += slice.expired;
      // The slice found no expired hold, or only holds on busy budgets.
      if (slice.expired === 0) return ended;
    }
  };

  const now = async (project: string, user: string | undefined): Promise<number> => {
    const key = budgetKey(project, user ?? "");
    // The running call may have begun before this caller's holds expired. Wait for it, and share only a call that begins later.
    await running.get(key)?.catch(() => {});
    const shared = running.get(key);
    if (shared !== undefined) return shared;
    // A call is forgotten before its promise settles, so those that waited for it do not find it again.
    const own = endAll(project, user).finally(() => running.delete(key));
    running.set(key, own);
    return own;
  };

  return {
    now,
    soon(project) {
      if (paused.has(project)) return;
      paused.add(project);
      const resume = (): unknown => setTimeout(() => paused.delete(project), PAUSE_MS).unref();
      // An error is ignored, because the next batch of the project and the sweep try again.
      now(project, undefined).then(resume, resume);
    },
    async drain() {
      await Promise.allSettled(running.values());
    },
  };
}
