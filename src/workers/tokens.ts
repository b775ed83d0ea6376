import { Failure, invalidField } from "../domain/errors.ts";
import type { CountAnswer, CountJob } from "./protocol.ts";
import { createQueue } from "./queue.ts";
import { startThread, type Thread } from "./thread.ts";

export type { CountJob } from "./protocol.ts";

/** Counts tokens on worker threads, so that no text, however long, holds up the event loop. */
export interface TokenCounter extends AsyncDisposable {
  /**
   * The number of tokens of a text or a chat. Throws a Failure: INVALID_FIELD where countChat does, and for more than
   * 4 MiB of text (field `text`, `messages` or `tools`); OVERLOADED when too many jobs wait; CANCELLED once `signal` is
   * aborted or the counter disposed; INTERNAL when the thread died of the job.
   */
  count(job: CountJob, signal?: AbortSignal): Promise<number>;
}

export interface TokenCounterOptions {
  threads: number;
  /** Jobs that may wait for a thread. */
  jobsQueuedMax?: number;
  /** How long a cancelled job may go on before its thread is replaced: a new thread costs more than most counts. */
  cancelGraceMs?: number;
  /** The worker, for tests that need one which misbehaves. */
  workerFile?: URL;
}

export const TEXT_BYTES_MAX = 4 * 1024 * 1024;
const RETRY_AFTER_MS = 1000;

/** TypeScript where this is, JavaScript where both were compiled. */
const WORKER_FILE = new URL(import.meta.url.replace(/tokens\.([jt]s)$/, "tokens.worker.$1"));

interface Pending extends PromiseWithResolvers<number> {
  job: CountJob;
  signal: AbortSignal | undefined;
}

/** Starts the threads, which build their vocabularies in the background; jobs may be given at once. */
export function createTokenCounter(options: TokenCounterOptions): TokenCounter {
  const { threads, jobsQueuedMax = 1024, cancelGraceMs = 100 } = options;
  const workerFile = options.workerFile ?? WORKER_FILE;
  const queue = createQueue<Pending>();
  const disposal = new AbortController();

  const lane = async (): Promise<void> => {
    let thread = startThread(workerFile);
    disposal.signal.addEventListener("abort", () => void thread.stop());
    for (let next = await queue.take(); next !== undefined; next = await queue.take()) {
      if (thread.ended) thread = startThread(workerFile);
      await settle(next, runOn(thread, next, cancelGraceMs));
      // Replaced at once, so that the next job finds a warm thread.
      if (thread.ended && !disposal.signal.aborted) thread = startThread(workerFile);
    }
    await thread.stop();
  };
  const lanes = Array.from({ length: threads }, lane);

  return {
    async count(job, signal) {
      checkSize(job);
      if (disposal.signal.aborted || signal?.aborted === true) throw new Failure({ reason: "CANCELLED" });
      if (queue.size >= jobsQueuedMax) {
        throw new Failure({
          reason: "OVERLOADED",
          operationsMax: jobsQueuedMax,
          retryAfterMs: RETRY_AFTER_MS,
        });
      }
      const pending: Pending = { ...Promise.withResolvers<number>(), job, signal };
      const cancel = (): void => {
        queue.remove(pending);
        pending.reject(new Failure({ reason: "CANCELLED" }));
      };
      const stopped = AbortSignal.any(signal === undefined ? [disposal.signal] : [disposal.signal, signal]);
      stopped.addEventListener("abort", cancel, { once: true });
      queue.add(pending);
      try {
        return await pending.promise;
      } finally {
        stopped.removeEventListener("abort", cancel);
      }
    },
    async [Symbol.asyncDispose]() {
      disposal.abort();
      queue.close();
      await Promise.all(lanes);
    },
  };
}

/** Gives a job's caller the outcome, unless it was told already that the job is cancelled. Never rejects. */
async function settle(pending: Pending, outcome: Promise<CountAnswer>): Promise<void> {
  try {
    const answer = await outcome;
    if ("tokens" in answer) pending.resolve(answer.tokens);
    else pending.reject(new Failure(answer.error));
  } catch (cause) {
    pending.reject(new Failure({ reason: "INTERNAL" }, { cause }));
  }
}

/** Runs a job; when it is cancelled and does not end within the grace, its thread is stopped. */
async function runOn(thread: Thread, { job, signal }: Pending, cancelGraceMs: number): Promise<CountAnswer> {
  let timer: NodeJS.Timeout | undefined;
  const abort = (): void => {
    timer = setTimeout(() => void thread.stop(), cancelGraceMs);
  };
  if (signal?.aborted === true) abort();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return await thread.run(job);
  } finally {
    signal?.removeEventListener("abort", abort);
    clearTimeout(timer);
  }
}

function checkSize(job: CountJob): void {
  if ("text" in job) {
    checkBytes("text", Buffer.byteLength(job.text));
    return;
  }
  checkBytes("messages", textBytes(job.messages));
  checkBytes("tools", textBytes(job.tools));
}

function checkBytes(field: string, bytes: number): void {
  if (bytes > TEXT_BYTES_MAX)
    throw invalidField(field, `has ${bytes} bytes of text, more than ${TEXT_BYTES_MAX}`);
}

/** Bytes of all strings in a JSON value; nested deeper than any message, it is the counting that complains. */
function textBytes(value: unknown, depth = 0): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (typeof value !== "object" || value === null || depth > 200) return 0;
  let bytes = 0;
  for (const item of Object.values(value)) bytes += textBytes(item, depth + 1);
  return bytes;
}
