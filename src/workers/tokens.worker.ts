import { parentPort } from "node:worker_threads";
import { Failure } from "../domain/errors.ts";
import { countChat, countText, encodingFor, warmEncoding } from "../domain/tokens.ts";
import type { CountAnswer, CountJob } from "./protocol.ts";

/** The thread that counts. It answers each job with one message, in order. */
const port = parentPort;
if (port === null) throw new Error("tokens.worker.ts runs as a worker thread");

port.on("message", (job: CountJob) => port.postMessage(answer(job)));

// Jobs that come meanwhile wait in the port; the first to count would have paid for this anyway.
warmEncoding("o200k_base");
warmEncoding("cl100k_base");

function answer(job: CountJob): CountAnswer {
  try {
    return { tokens: countJob(job) };
  } catch (error) {
    if (error instanceof Failure) return { error: error.error };
    throw error;
  }
}

const countJob = (job: CountJob): number =>
  "text" in job ? countText(encodingFor(job.model), job.text) : countChat(job.model, job.messages, job.tools);
