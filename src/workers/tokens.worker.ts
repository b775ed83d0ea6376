import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { type CountSteps, countTextsSteps, warmEncoding } from "../domain/tokens.ts";
import type { CountWork, FromThread, ThreadData, ToThread } from "./protocol.ts";
import { createTurns } from "./turns.ts";

/** The thread that counts. It works on all its items in turns of a few milliseconds. */
const port = parentPort;
if (port === null) throw new Error("tokens.worker.ts must run as a worker thread");

const TURN_MS = 3;

interface Started extends CountWork {
  steps: CountSteps;
}

const { atWork } = workerData as ThreadData;
const turns = createTurns<Started>();

const answer = (message: FromThread): void => port.postMessage(message);

function receive(message: ToThread): void {
  if ("count" in message) {
    const work = message.count;
    turns.add({ ...work, steps: countTextsSteps(work.encoding, work.texts) });
  } else if (turns.remove(message.cancel) !== undefined) {
    answer({ id: message.cancel });
  }
}

/** Counts until no item is left. Handles new messages between turns. */
function countAll(): void {
  for (let turn = turns.next(); turn !== undefined; turn = turns.next()) {
    const end = performance.now() + TURN_MS;
    for (let work = turn.work(); work !== undefined && performance.now() < end; work = turn.work()) {
      countUntil(work, end);
    }
    Atomics.store(atWork, 0, 0);
    for (let next = receiveMessageOnPort(port!); next !== undefined; next = receiveMessageOnPort(port!)) {
      receive(next.message as ToThread);
    }
  }
}

function countUntil(work: Started, end: number): void {
  Atomics.store(atWork, 0, work.id);
  do {
    const step = work.steps.next();
    if (step.done !== true) continue;
    turns.remove(work.id);
    answer({ id: work.id, tokens: step.value });
    return;
  } while (performance.now() < end);
}

port.on("message", (message: ToThread) => {
  receive(message);
  countAll();
});

// Items that arrive during this wait in the port. Without this, the first item would wait just as long.
warmEncoding("o200k_base");
warmEncoding("cl100k_base");
