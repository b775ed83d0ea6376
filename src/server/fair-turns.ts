import { createFairQueue, type Queued } from "../domain/fair-queue.ts";

/**
 * Keeps the calls of one project from holding the thread for long while other projects call. Hundreds of calls that arrive
 * together, or that one batch answers, would otherwise be worked on in one turn of the event loop.
 */
export interface FairTurns {
  /** Undefined if the project may go on at once. Otherwise resolves when it may. */
  turn(project: string): Promise<void> | undefined;
  /** Runs the handler of a call in two turns: one to start, and one to be answered. */
  run<Answer>(project: string, handle: () => Promise<Answer>): Promise<Answer>;
}

interface Step extends Queued {
  go: () => void;
}

/** Steps in one turn of the event loop, at most. A step takes about 0.1 ms. */
export const STEPS_MAX = 16;
/** How long the turns last after two projects have called. One project alone is not slowed. */
export const SHARED_MS = 1_000;
/** Projects take turns of one step, because the queue divides the largest cost by 16 turns. */
const COST_MAX = 16;

/** @param nowMs A clock that never goes back. */
export function createFairTurns(nowMs: () => number = () => performance.now()): FairTurns {
  const queue = createFairQueue<Step>(COST_MAX);
  let lastProject: string | undefined;
  let sharedUntilMs = Number.NEGATIVE_INFINITY;
  let isScheduled = false;

  /** Whether two projects have called a short time ago. Needs no state for each project. */
  const isShared = (project: string): boolean => {
    if (project === lastProject) return nowMs() < sharedUntilMs;
    if (lastProject !== undefined) sharedUntilMs = nowMs() + SHARED_MS;
    lastProject = project;
    return sharedUntilMs > Number.NEGATIVE_INFINITY;
  };

  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(() => {
      isScheduled = false;
      for (let steps = 0; steps < STEPS_MAX; steps++) queue.take()?.go();
      if (queue.size > 0) schedule();
    });
  };

  const turn = (project: string): Promise<void> | undefined => {
    if (!isShared(project) && queue.size === 0) return undefined;
    return new Promise((resolve) => {
      queue.add({ caller: project, cost: 1, go: resolve });
      schedule();
    });
  };

  return {
    turn,
    async run(project, handle) {
      const start = turn(project);
      if (start !== undefined) await start;
      try {
        return await handle();
      } finally {
        const end = turn(project);
        if (end !== undefined) await end;
      }
    },
  };
}

/** The project that a request names. A batch counts as a request of its first project. */
export function projectOf(request: object): string {
  const { project, requests } = request as { project?: string; requests?: readonly { project?: string }[] };
  return project ?? requests?.[0]?.project ?? "";
}
