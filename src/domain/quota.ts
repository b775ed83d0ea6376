/** Limits the jobs and bytes waiting to be counted, in total and for each caller. */
export interface Quota {
  /** The number of callers with a reservation of room. The quota keeps no state for other callers. */
  readonly callers: number;
  /** Takes room for a job. Returns false if there is not enough room for this caller. */
  take(caller: string, bytes: number): boolean;
  /** Returns the room that `take` took. */
  giveBack(caller: string, bytes: number): void;
}

interface Held {
  jobs: number;
  bytes: number;
}

/**
 * A caller may hold as much room as it leaves free. So one caller alone may hold a half, and two callers a third each.
 * There is always room left for another caller.
 */
export function createQuota(jobsMax: number, bytesMax: number): Quota {
  const total: Held = { jobs: 0, bytes: 0 };
  const callers = new Map<string, Held>();
  return {
    get callers() {
      return callers.size;
    },
    take(caller, bytes) {
      const held = callers.get(caller) ?? { jobs: 0, bytes: 0 };
      const jobsFree = jobsMax - total.jobs - 1;
      const bytesFree = bytesMax - total.bytes - bytes;
      if (held.jobs + 1 > jobsFree || held.bytes + bytes > bytesFree) return false;
      for (const counts of [held, total]) {
        counts.jobs++;
        counts.bytes += bytes;
      }
      callers.set(caller, held);
      return true;
    },
    giveBack(caller, bytes) {
      const held = callers.get(caller);
      if (held === undefined) return;
      for (const counts of [held, total]) {
        counts.jobs--;
        counts.bytes -= bytes;
      }
      if (held.jobs === 0) callers.delete(caller);
    },
  };
}
