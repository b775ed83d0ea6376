import { Worker } from "node:worker_threads";
import type { CountWork, FromThread, ThreadData, ToThread } from "./protocol.ts";

/** A worker thread. It keeps the process alive only while it has work items. */
export interface Thread {
  /** True when the thread has ended, by `stop` or by itself. */
  readonly ended: boolean;
  give(work: CountWork): void;
  /** Asks the thread to cancel an item. The thread answers in any case. */
  cancel(id: number): void;
  stop(): Promise<void>;
}

export interface ThreadEvents {
  onAnswer: (answer: FromThread) => void;
  /** The thread has ended and will not answer its items. `atWork` is the id of the item it was working on, or 0. */
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
    // While the thread is being stopped, the process must stay alive.
    if (--works === 0 && !stopping) worker.unref();
    onAnswer(answer);
  });
  // An "exit" event follows.
  worker.on("error", (error) => {
    cause = error;
  });
  worker.on("exit", () => {
    ended = true;
    onEnd(Atomics.load(atWork, 0), new Error("the thread ended before it answered", { cause }));
  });
  // This comes last, because adding a message listener refs the worker again.
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
