import { Failure } from "../domain/errors.ts";
import { createQuota } from "../domain/quota.ts";
import { chatTexts, type Encoding, encodingFor } from "../domain/tokens.ts";
import { createDispatcher } from "./dispatcher.ts";
import { jobBytes } from "./size.ts";

export { TEXT_BYTES_MAX } from "./size.ts";

/**
 * A job: a text, or a chat in OpenAI's JSON. `model` selects the encoding; for a chat it may also be an encoding's
 * name.
 */
export type CountJob =
  | { model: string; text: string }
  | { model: string; messages: readonly unknown[]; tools?: readonly unknown[] | undefined };

export interface CountOptions {
  /** The owner of the job. Callers get equal shares of the threads and of the queue. */
  caller: string;
  signal?: AbortSignal | undefined;
}

/**
 * Counts tokens on worker threads, so that no text blocks the event loop, whatever its length. Short texts overtake
 * long ones, and all callers get equal shares.
 */
export interface TokenCounter extends AsyncDisposable {
  /**
   * The number of tokens of a text or a chat. Throws a Failure: INVALID_FIELD for the errors of countChat, and for more
   * than 4 MiB of text (field `text`, `messages` or `tools`); OVERLOADED if the queue is full; CANCELLED if `signal` is
   * aborted or the counter is disposed; INTERNAL if the job killed its thread.
   */
  count(job: CountJob, options: CountOptions): Promise<number>;
  /** The state kept for jobs and callers. Both are 0 when all jobs are done. */
  readonly load: { jobs: number; callers: number };
}

export interface TokenCounterOptions {
  threads: number;
  /**
   * The maximum number of jobs that wait or run. One caller may have as many as it leaves free: half, if it is alone.
   */
  queueJobsMax: number;
  /** The maximum number of bytes of text that wait or are being counted. Shared in the same way. */
  queueBytesMax: number;
  /** The time a thread may take to cancel a job. A slower thread counts as broken and is replaced. */
  cancelGraceMs?: number;
  /** The worker's file. Tests set it to use a worker that misbehaves. */
  workerFile?: URL;
}

const RETRY_AFTER_MS = 1000;
const ID_MAX = 2 ** 31 - 1;
/** The fixed cost of a text besides its bytes. */
const TEXT_COST_BYTES = 16;

/** The worker has the same extension as this file: .ts in the sources, .js in the build. */
const WORKER_FILE = new URL(import.meta.url.replace(/tokens\.([jt]s)$/, "tokens.worker.$1"));

/** Starts the threads, which build their vocabularies in the background. Jobs may be added at once. */
export function createTokenCounter(options: TokenCounterOptions): TokenCounter {
  const { threads, queueJobsMax, queueBytesMax, cancelGraceMs = 10_000, workerFile = WORKER_FILE } = options;
  const dispatcher = createDispatcher({ threads, workerFile, cancelGraceMs });
  const quota = createQuota(queueJobsMax, queueBytesMax);
  let ids = 0;
  let disposed = false;

  return {
    get load() {
      return { jobs: dispatcher.size, callers: quota.callers };
    },
    async count(job, { caller, signal }) {
      const bytes = jobBytes(job);
      if (disposed || signal?.aborted === true) throw new Failure({ reason: "CANCELLED" });
      const { encoding, texts, formTokens } = partsOf(job);
      if (!quota.take(caller, bytes)) {
        throw new Failure({
          reason: "OVERLOADED",
          operationsMax: queueJobsMax,
          bytesMax: queueBytesMax,
          retryAfterMs: RETRY_AFTER_MS,
        });
      }
      const cost = texts.reduce((sum, text) => sum + text.length + TEXT_COST_BYTES, 0);
      ids = (ids % ID_MAX) + 1;
      const work = { id: ids, caller, cost, encoding, texts };
      const { tokens, cancel } = dispatcher.count(work, () => quota.giveBack(caller, bytes));
      signal?.addEventListener("abort", cancel, { once: true });
      try {
        return formTokens + (await tokens);
      } finally {
        signal?.removeEventListener("abort", cancel);
      }
    },
    async [Symbol.asyncDispose]() {
      disposed = true;
      await dispatcher[Symbol.asyncDispose]();
    },
  };
}

interface Parts {
  encoding: Encoding;
  texts: readonly string[];
  formTokens: number;
}

/** Splits a job here, so that a thread receives a list of texts instead of JSON of any depth. */
const partsOf = (job: CountJob): Parts =>
  "text" in job
    ? { encoding: encodingFor(job.model), texts: [job.text], formTokens: 0 }
    : chatTexts(job.model, job.messages, job.tools);
