import type { Submitted } from "./submitted.ts";

export type Batch = readonly Submitted[];

/** The batches of an engine whose transactions are running. Each of them may be the session that has locked a budget. */
export interface RunningBatches {
  /** Runs the transaction of a batch. */
  run<T>(batch: Batch, transaction: () => Promise<T>): Promise<T>;
  list(): readonly Batch[];
}

export function createRunningBatches(): RunningBatches {
  const running = new Set<Batch>();
  return {
    async run(batch, transaction) {
      running.add(batch);
      try {
        return await transaction();
      } finally {
        running.delete(batch);
      }
    },
    list: () => [...running],
  };
}
