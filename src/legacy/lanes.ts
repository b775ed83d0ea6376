import { Failure } from "../domain/errors.ts";

/** Runs work of one project in the order in which it came, one after the other. Projects do not wait for each other. */
export type Lanes = <T>(project: string, work: () => Promise<T>) => Promise<T>;

const RETRY_MS = 100;

/** @param waitingMax How much may wait in one lane, at most. More is OVERLOADED. */
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
