import assert from "node:assert/strict";
import cluster, { type Worker } from "node:cluster";
import { EventEmitter, once } from "node:events";
import { afterEach, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import pino, { type Logger } from "pino";
import { startWorkers, WorkerFailed, type Workers } from "../../src/command/cluster.ts";

interface Line {
  msg: string;
  at: number;
  [field: string]: unknown;
}

/** A log whose lines have the instant at which they were written. */
function startLog() {
  const lines: Line[] = [];
  const written = new EventEmitter();
  const write = (text: string): void => {
    lines.push({ ...(JSON.parse(text) as Line), at: performance.now() });
    written.emit("line");
  };
  const withMessage = (msg: string): Line[] => lines.filter((line) => line.msg === msg);
  return {
    log: pino({ level: "info" }, { write }),
    withMessage,
    /** Waits until this many lines have the message, and returns them. */
    logged: async (msg: string, count: number): Promise<Line[]> => {
      while (withMessage(msg).length < count) await once(written, "line");
      return withMessage(msg);
    },
  };
}

const setFate = (fate: string): void => {
  process.env["PURSER_TEST_FATE"] = fate;
};

/** The workers that have not ended. */
const alive = (): Worker[] =>
  Object.values(cluster.workers ?? {}).filter((worker): worker is Worker => worker?.isDead() === false);

/** When workers were forked. */
const forks: number[] = [];
cluster.on("fork", () => forks.push(performance.now()));

const started: Workers[] = [];
async function startTwo(log: Logger): Promise<Workers> {
  const workers = await startWorkers(2, log);
  started.push(workers);
  return workers;
}

const ENDED = "a worker ended; another one replaces it";
const SERVING = "a worker is serving";
/** A timer may fire up to a millisecond early. */
const EARLY_MS = 2;

describe("the primary of several workers", () => {
  before(() =>
    cluster.setupPrimary({
      exec: fileURLToPath(new URL("./dying.worker.ts", import.meta.url)),
      silent: true,
    }),
  );
  // After a failed test, workers may be left, and would be replaced.
  afterEach(() => {
    for (const workers of started.splice(0)) void workers.stop();
    for (const worker of alive()) worker.process.kill("SIGKILL");
  });

  it("replaces a worker after a pause, which doubles while the replacements do not start", async () => {
    setFate("serve");
    const { log, logged, withMessage } = startLog();
    const running = await startTwo(log);
    assert.equal(running.greeting, "Purser is ready");
    await logged(SERVING, 2);
    forks.length = 0;
    setFate("the prices are gone");
    alive()[0]?.process.kill("SIGKILL");
    const ends = await logged(ENDED, 3);
    setFate("serve");
    await logged(SERVING, 3);
    assert.deepEqual(
      ends.map(({ end, pauseMs }) => [end, pauseMs]),
      [
        ["SIGKILL", 100],
        [7, 200],
        [7, 400],
      ],
    );
    for (const [index, { at, pauseMs }] of ends.entries())
      assert.ok((forks[index] ?? 0) - at >= Number(pauseMs) - EARLY_MS, `pause ${index} was too short`);
    assert.deepEqual(
      withMessage("a worker did not start").map(({ why }) => why),
      Array(2).fill("the prices are gone"),
    );
    // The replacement served, so the next pause is the first one again.
    alive().at(-1)?.process.kill("SIGKILL");
    const [, , , last] = await logged(ENDED, 4);
    assert.equal(last?.["pauseMs"], 100);
    await logged(SERVING, 4);
    assert.equal(await running.stop(), true);
    assert.equal(alive().length, 0);
  });

  it("does not replace a worker once it is told to stop, also during a pause", async () => {
    setFate("serve");
    const { log, logged } = startLog();
    const running = await startTwo(log);
    await logged(SERVING, 2);
    alive()[0]?.process.kill("SIGKILL");
    forks.length = 0;
    await logged(ENDED, 1);
    assert.equal(await running.stop(), true);
    assert.deepEqual(forks, []);
    assert.equal(alive().length, 0);
  });

  it("says that not all workers could finish if one was killed", async () => {
    setFate("half linger");
    const running = await startTwo(startLog().log);
    const lingering = alive().find(({ id }) => id % 2 === 0);
    const stopped = running.stop();
    lingering?.process.kill("SIGKILL");
    assert.equal(await stopped, false);
  });

  it("kills the other workers if one of the first does not start, and reports its reason", async () => {
    setFate("half fail");
    await assert.rejects(startTwo(startLog().log), new WorkerFailed("half fail"));
    assert.equal(alive().length, 0);
  });
});
