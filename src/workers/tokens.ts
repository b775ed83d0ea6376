import { Failure } from "../domain/errors.ts";
import { chatTexts, type Encoding, encodingFor } from "../domain/tokens.ts";
import { createDispatcher } from "./dispatcher.ts";
import { createQuota } from "./quota.ts";
import { jobBytes } from "./size.ts";

export { TEXT_BYTES_MAX } from "./size.ts";

/** What to count: a text, or a chat in OpenAI's JSON. `model` chooses the encoding; of a chat, an encoding's name does too. */
export type CountJob =
  | { model: string; text: string }
  | { model: string; messages: readonly unknown[]; tools?: readonly unknown[] | undefined };

export interface CountOptions {
  /** Whose job it is: callers get equal shares of the threads and of the queue. */
  caller: string;
  signal?: AbortSignal | undefined;
}

/**
 * Counts tokens on worker threads, so that no text, however long, holds up the event loop. Short texts overtake long ones,
 * and each caller has its share.
 */
export interface TokenCounter extends AsyncDisposable {
  /**
   * The number of tokens of a text or a chat. Throws a Failure: INVALID_FIELD where countChat does, and for more than
   * 4 MiB of text (field `text`, `messages` or `tools`); OVERLOADED when too much waits; CANCELLED once `signal` is
   * aborted or the counter disposed; INTERNAL when the thread died of the job.
   */
  count(job: CountJob, options: CountOptions): Promise<number>;
  /** What is kept for callers now: nothing, when all jobs are done. */
  readonly load: { jobs: number; callers: number };
}

export interface TokenCounterOptions {
  threads: number;
  /** Jobs that may wait or be counted, at most. One caller may have as many as it leaves free, so half when it is alone. */
  queueJobsMax: number;
  /** Bytes of text that may wait or be counted, at most; shared in the same way. */
  queueBytesMax: number;
  /** How long a thread may take to give up a cancelled job before it counts as broken and is replaced. */
  cancelGraceMs?: number;
  /** The worker, for tests that need one which misbehaves. */
  workerFile?: URL;
}

const RETRY_AFTER_MS = 1000;
const ID_MAX = 2 ** 31 - 1;
/** A text takes time besides its bytes. */
const TEXT_COST_BYTES = 16;

/** TypeScript where this is, JavaScript where both were compiled. */
const WORKER_FILE = new URL(import.meta.url.replace(/tokens\.([jt]s)$/, "tokens.worker.$1"));

/** Starts the threads, which build their vocabularies in the background; jobs may be given at once. */
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

/** Taken apart here, so that a thread is sent a list of texts instead of a JSON of any depth. */
const partsOf = (job: CountJob): Parts =>
  "text" in job
    ? { encoding: encodingFor(job.model), texts: [job.text], formTokens: 0 }
    : chatTexts(job.model, job.messages, job.tools);
