import { Failure } from "../domain/errors.ts";

/** Runs the work of one project in order of arrival, one piece at a time. Projects run independently of each other. */
export type Lanes = <T>(project: string, work: () => Promise<T>) => Promise<T>;

const RETRY_MS = 100;

/** @param waitingMax The most pieces of work in one lane, waiting or running. One more fails with OVERLOADED. */
export function createLanes(waitingMax: number): Lanes {
  const lanes = new Map<string, { last: Promise<unknown>; waiting: number }>();
  return async (project, work) => {
    const lane = lanes.get(project) ?? { last: Promise.resolve(), waiting: 0 };
    if (lane.waiting >= waitingMax) {
      throw new Failure({ reason: "OVERLOADED", operationsMax: waitingMax, retryAfterMs: RETRY_MS });
    }
    lanes.set(project, lane);
    lane.waiting++;
    const result = lane.last.then(work);
    lane.last = result.catch(() => {});
    try {
      return await result;
    } finally {
      lane.waiting--;
      if (lane.waiting === 0) lanes.delete(project);
    }
  };
}
