import { parentPort } from "node:worker_threads";

/** Stands in for tokens.worker.ts: does what the text says, and otherwise answers with the length of the text. */
parentPort?.on("message", ({ text }: { text: string }) => {
  if (text === "throw") throw new Error("this thread broke");
  if (text === "exit") process.exit(3);
  if (text === "hang") for (;;);
  parentPort?.postMessage({ tokens: text.length });
});
