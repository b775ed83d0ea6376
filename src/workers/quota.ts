/** What may wait to be counted, in all and of one caller. */
export interface Quota {
  /** Callers that hold something. Nothing is remembered of the others. */
  readonly callers: number;
  /** Takes room for a job, if there is some for this caller. */
  take(caller: string, bytes: number): boolean;
  /** Gives back what `take` took. */
  giveBack(caller: string, bytes: number): void;
}

interface Held {
  jobs: number;
  bytes: number;
}

/**
 * A caller may hold as much as it leaves free. So one caller alone may hold half; two who want more, a third each; and
 * however many there are, none can take all the room from the next.
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
