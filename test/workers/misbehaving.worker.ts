import { parentPort, workerData } from "node:worker_threads";
import type { CountWork, ThreadData, ToThread } from "../../src/workers/protocol.ts";

/**
 * Replaces tokens.worker.ts: the text says how to misbehave; for any other text the answer is its length. "hold" is
 * answered when it is cancelled, or when "release" comes.
 */
const { atWork } = workerData as ThreadData;
const held: CountWork[] = [];

const answer = (id: number, tokens?: number): void =>
  parentPort?.postMessage(tokens === undefined ? { id } : { id, tokens });

parentPort?.on("message", (message: ToThread) => {
  if ("cancel" in message) {
    if (held.some(({ id }) => id === message.cancel)) answer(message.cancel);
    return;
  }
  const { id, texts } = message.count;
  const text = texts.join("");
  if (text === "hold") {
    held.push(message.count);
    return;
  }
  if (text === "exit at once") process.exit(4);
  Atomics.store(atWork, 0, id);
  if (text === "throw") throw new Error("this thread broke");
  if (text === "exit") process.exit(3);
  if (text === "hang") for (;;);
  if (text === "release") for (const work of held.splice(0)) answer(work.id, 4);
  answer(id, text.length);
  Atomics.store(atWork, 0, 0);
});
