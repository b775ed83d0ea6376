import { Worker } from "node:worker_threads";
import type { CountWork, FromThread, ThreadData, ToThread } from "./protocol.ts";

/** A worker thread. It keeps the process alive only while it has work. */
export interface Thread {
  /** True once the thread is gone, by `stop` or by itself. */
  readonly ended: boolean;
  give(work: CountWork): void;
  /** Asks for a work to be given up. It is answered in any case. */
  cancel(id: number): void;
  stop(): Promise<void>;
}

export interface ThreadEvents {
  onAnswer: (answer: FromThread) => void;
  /** The thread is gone, and does not answer what it has. `atWork` is the id of the work that it was at, or 0. */
  onEnd: (atWork: number, cause: unknown) => void;
}

export function startThread(file: URL, { onAnswer, onEnd }: ThreadEvents): Thread {
  const atWork = new Int32Array(new SharedArrayBuffer(4));
  const workerData: ThreadData = { atWork };
  const worker = new Worker(file, { execArgv: [], workerData });
  let works = 0;
  let ended = false;
  let stopping = false;
  let cause: unknown;

  worker.on("message", (answer: FromThread) => {
    // While it is being stopped, the process must not end before it is.
    if (--works === 0 && !stopping) worker.unref();
    onAnswer(answer);
  });
  // "exit" follows.
  worker.on("error", (error) => {
    cause = error;
  });
  worker.on("exit", () => {
    ended = true;
    onEnd(Atomics.load(atWork, 0), new Error("the thread ended before it answered", { cause }));
  });
  // Only now: listening for messages makes a worker count again.
  worker.unref();

  const post = (message: ToThread): void => worker.postMessage(message);
  return {
    get ended() {
      return ended;
    },
    give(work) {
      if (works++ === 0) worker.ref();
      post({ count: work });
    },
    cancel: (id) => post({ cancel: id }),
    async stop() {
      stopping = true;
      await worker.terminate();
    },
  };
}
