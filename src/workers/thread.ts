import { Worker } from "node:worker_threads";
import type { CountAnswer, CountJob } from "./protocol.ts";

/** One worker thread with at most one job. It keeps the process alive only while it has one. */
export interface Thread {
  /** True once the thread is gone, by `stop` or by itself. */
  readonly ended: boolean;
  /** Runs a job; rejects when the thread ends before it answers. */
  run(job: CountJob): Promise<CountAnswer>;
  stop(): Promise<void>;
}

export function startThread(file: URL): Thread {
  const worker = new Worker(file, { execArgv: [] });
  let running: PromiseWithResolvers<CountAnswer> | undefined;
  let ended = false;
  let cause: unknown;

  const take = (): PromiseWithResolvers<CountAnswer> | undefined => {
    const job = running;
    running = undefined;
    worker.unref();
    return job;
  };
  worker.on("message", (answer: CountAnswer) => take()?.resolve(answer));
  // "exit" follows, and rejects the job.
  worker.on("error", (error) => {
    cause = error;
  });
  worker.on("exit", () => {
    ended = true;
    take()?.reject(new Error("the thread ended before it answered", { cause }));
  });
  // Only now: listening for messages makes a worker count again.
  worker.unref();

  return {
    get ended() {
      return ended;
    },
    async run(job) {
      if (ended) throw new Error("the thread has ended", { cause });
      running = Promise.withResolvers<CountAnswer>();
      worker.ref();
      worker.postMessage(job);
      return await running.promise;
    },
    async stop() {
      await worker.terminate();
    },
  };
}
