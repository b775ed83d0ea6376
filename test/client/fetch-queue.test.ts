import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { RetryInfoSchema } from "../../gen/es/google/rpc/error_details_pb.ts";
import { createChargeQueue } from "../../src/client/fetch/queue.ts";
import { refusedKey } from "../support/recording.ts";

const AWAY = new ConnectError("away", Code.Unavailable);
const ASKING = new ConnectError("full", Code.Unavailable, undefined, [
  { desc: RetryInfoSchema, value: { retryDelay: { seconds: 30n, nanos: 0 } } },
]);

/** A queue whose Purser fails with `error` while it is set. Its pauses end when the test says so. */
function startQueue(waitingMax = 1000) {
  const purser = { error: AWAY as Error | undefined };
  const attempts: string[] = [];
  const lost: unknown[] = [];
  const pauses: { ms: number; end: () => void; ref: boolean }[] = [];
  const queue = createChargeQueue({
    waitingMax,
    onLost: (error) => lost.push(error),
    pause: (ms, { signal, ref }) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      pauses.push({ ms, end: resolve, ref });
      signal?.addEventListener("abort", () => reject(signal.reason as Error));
      return promise;
    },
  });
  const charge = (name: string): Promise<void> =>
    queue.run(async () => {
      attempts.push(name);
      if (purser.error !== undefined) throw purser.error;
    });
  /** Ends the latest pause, and lets the queue react. */
  const endPause = async (): Promise<void> => {
    pauses.at(-1)?.end();
    await new Promise(setImmediate);
  };
  const pausesMs = (): number[] => pauses.map(({ ms }) => ms);
  return { purser, attempts, lost, pauses, pausesMs, queue, charge, endPause };
}

describe("the queue of charges", () => {
  it("retries in one loop, however many charges wait, and always begins with the oldest", async () => {
    const { attempts, pauses, charge, endPause, purser } = startQueue();
    await Promise.all([charge("a"), charge("b")]);
    for (const name of ["c", "d"]) await charge(name);
    // The charges that were made while others waited were not tried.
    assert.deepEqual(attempts, ["a", "b"]);
    assert.equal(pauses.length, 1);
    await endPause();
    assert.deepEqual(attempts, ["a", "b", "a"]);
    assert.equal(pauses.length, 2);
    purser.error = undefined;
    await endPause();
    assert.deepEqual(attempts, ["a", "b", "a", "a", "b", "c", "d"]);
    assert.equal(pauses.length, 2);
  });

  it("pauses twice as long after each failure, up to five seconds, and starts anew after an outage", async () => {
    const { pausesMs, charge, endPause, purser } = startQueue();
    await charge("a");
    for (let failures = 0; failures < 6; failures++) await endPause();
    assert.deepEqual(pausesMs(), [200, 400, 800, 1600, 3200, 5000, 5000]);
    purser.error = undefined;
    await endPause();
    purser.error = AWAY;
    await charge("b");
    assert.deepEqual(pausesMs().slice(7), [200]);
  });

  it("pauses for as long as Purser asks if that is longer, until an answer asks for nothing", async () => {
    const { pausesMs, charge, endPause, purser } = startQueue();
    purser.error = ASKING;
    await charge("a");
    await endPause();
    purser.error = AWAY;
    await endPause();
    assert.deepEqual(pausesMs(), [30_000, 30_000, 800]);
  });

  it("is full from the maximum number of waiting charges on, and accepts charges even so", async () => {
    const { queue, charge, endPause, purser } = startQueue(2);
    await charge("a");
    assert.equal(queue.isFull, false);
    await charge("b");
    assert.equal(queue.isFull, true);
    await charge("c");
    assert.equal(queue.isFull, true);
    purser.error = undefined;
    await endPause();
    assert.equal(queue.isFull, false);
  });

  it("gives a refused charge up, reports its error, and continues with the next one", async () => {
    const { attempts, lost, pauses, queue, charge, purser } = startQueue();
    const refusal = new ConnectError("no", Code.InvalidArgument);
    purser.error = refusal;
    await charge("a");
    assert.deepEqual([lost, pauses.length], [[refusal], 0]);
    purser.error = AWAY;
    await charge("b");
    await charge("c");
    purser.error = refusal;
    await queue.flush();
    assert.deepEqual(attempts, ["a", "b", "b", "c"]);
    assert.deepEqual(lost, [refusal, refusal, refusal]);
  });

  it("is flushed after the charges in progress, and says how many still wait", async () => {
    const { queue, charge, purser, attempts } = startQueue();
    const gate = Promise.withResolvers<void>();
    const begun = queue.run(() => gate.promise);
    let isFlushed = false;
    const flushed = queue.flush().then(() => {
      isFlushed = true;
    });
    await new Promise(setImmediate);
    assert.equal(isFlushed, false);
    gate.resolve();
    await Promise.all([begun, flushed]);

    await charge("a");
    await charge("b");
    await assert.rejects(queue.flush(), {
      name: "PurserUnavailableError",
      message: "2 charges are waiting for Purser, which cannot be reached",
    });
    assert.deepEqual(attempts, ["a", "a"]);
    purser.error = undefined;
    await queue.flush();
    assert.deepEqual(attempts, ["a", "a", "a", "b"]);
  });

  it("keeps a charge above a limit of the key, and a flush waits for as long as the key asks", async () => {
    const { queue, charge, purser, attempts, lost, pauses, endPause } = startQueue();
    purser.error = refusedKey("RATE_EXCEEDED", 700);
    await charge("a");
    await charge("b");
    assert.deepEqual(lost, []);
    const flushed = queue.flush();
    await new Promise(setImmediate);
    // The first pause is the one in the background, which does not keep the program alive.
    assert.deepEqual(
      pauses.map(({ ms, ref }) => [ms, ref]),
      [
        [700, false],
        [700, true],
      ],
    );
    purser.error = undefined;
    await endPause();
    await flushed;
    assert.deepEqual(attempts, ["a", "a", "a", "b"]);
  });

  it("ends a flush that makes no progress above a limit of the key", async () => {
    const { queue, charge, purser, pauses, endPause, lost } = startQueue();
    purser.error = refusedKey("RATE_EXCEEDED", 700);
    await charge("a");
    const refused = assert.rejects(queue.flush(), {
      name: "PurserUnavailableError",
      message: "1 charges are waiting for Purser: a limit of the key is reached",
    });
    await new Promise(setImmediate);
    for (let flushes = 0; flushes < 10; flushes++) await endPause();
    await refused;
    assert.deepEqual([pauses.length, lost], [11, []]);
  });

  it("reports the charge of a revoked key as lost, and does not retry it", async () => {
    for (const reason of ["KEY_MISSING", "KEY_INVALID", "KEY_NOT_ALLOWED"] as const) {
      const { queue, charge, purser, attempts, lost } = startQueue();
      purser.error = refusedKey(reason);
      await charge("a");
      await queue.flush();
      assert.deepEqual([attempts, lost], [["a"], [purser.error]]);
    }
  });

  it("does not retry in the background after it was stopped", async () => {
    const { attempts, pauses, queue, charge } = startQueue();
    await charge("a");
    queue.stop();
    await new Promise(setImmediate);
    assert.deepEqual([attempts, pauses.length], [["a"], 1]);
  });
});
