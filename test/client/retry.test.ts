import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { RetryInfoSchema } from "../../gen/es/google/rpc/error_details_pb.ts";
import { whileUnavailable } from "../../src/client/retry.ts";
import { refusedKey } from "../support/recording.ts";

const unavailable = (): ConnectError => new ConnectError("full", Code.Unavailable);
/** The error of a server that asks its callers to wait. */
const asking = (seconds: bigint, nanos = 0): ConnectError =>
  new ConnectError("full", Code.Unavailable, undefined, [
    { desc: RetryInfoSchema, value: { retryDelay: { seconds, nanos } } },
  ]);

/** A call that fails with these errors, one after another, and then succeeds. */
function failing(...errors: readonly unknown[]) {
  const made = { calls: 0 };
  const call = async (): Promise<string> => {
    if (made.calls < errors.length) throw errors[made.calls++];
    made.calls++;
    return "answer";
  };
  return { made, call };
}

/** Replaces the timers. The random part of every pause is at its maximum. */
function withoutWaiting(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  t.mock.method(Math, "random", () => 1);
  /** Lets the call react, so that the next pause has begun. */
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    settle,
    pass: async (ms: number): Promise<void> => {
      t.mock.timers.tick(ms);
      await settle();
    },
  };
}

describe("a call that is retried", () => {
  it("waits for as long as the server asks, to the millisecond", async (t) => {
    const { settle, pass } = withoutWaiting(t);
    const { made, call } = failing(asking(3n), asking(0n, 750_000_001));
    const answer = whileUnavailable(call, 60_000);
    await settle();
    await pass(2999);
    assert.equal(made.calls, 1);
    await pass(1);
    assert.equal(made.calls, 2);
    await pass(750);
    assert.equal(made.calls, 2);
    await pass(1);
    assert.equal(made.calls, 3);
    assert.equal(await answer, "answer");
  });

  it("waits for its own pause if that is longer than the server asks", async (t) => {
    const { settle, pass } = withoutWaiting(t);
    const { made, call } = failing(asking(0n, 1_000_000));
    const answer = whileUnavailable(call, 60_000);
    await settle();
    await pass(49);
    assert.equal(made.calls, 1);
    await pass(1);
    assert.equal(await answer, "answer");
  });

  it("waits while a limit of its key is reached, and not if its key is refused", async (t) => {
    const { settle, pass } = withoutWaiting(t);
    const { made, call } = failing(refusedKey("RATE_EXCEEDED", 300), refusedKey("RATE_EXCEEDED"));
    const answer = whileUnavailable(call, 60_000);
    await settle();
    await pass(299);
    assert.equal(made.calls, 1);
    await pass(1);
    assert.equal(made.calls, 2);
    await pass(100);
    assert.equal(await answer, "answer");
    for (const reason of ["KEY_MISSING", "KEY_INVALID", "KEY_NOT_ALLOWED"] as const) {
      const refused = failing(refusedKey(reason));
      await assert.rejects(whileUnavailable(refused.call, 60_000), ({ message }: Error) =>
        message.includes(reason),
      );
      assert.equal(refused.made.calls, 1);
    }
  });

  it("fails at once if the server asks for more than the time that is left", async (t) => {
    withoutWaiting(t);
    const error = asking(61n);
    const { made, call } = failing(error);
    await assert.rejects(whileUnavailable(call, 60_000), error);
    assert.equal(made.calls, 1);
  });

  it("waits twice as long after each failure, and never longer than two seconds", async (t) => {
    const { settle, pass } = withoutWaiting(t);
    const { made, call } = failing(...Array.from({ length: 8 }, unavailable));
    const answer = whileUnavailable(call, 60_000);
    await settle();
    for (const [index, pauseMs] of [50, 100, 200, 400, 800, 1600, 2000, 2000].entries()) {
      await pass(pauseMs - 1);
      assert.equal(made.calls, index + 1);
      await pass(1);
      assert.equal(made.calls, index + 2);
    }
    assert.equal(await answer, "answer");
  });

  it("is made once if no retry is allowed, or its error is not an outage", async () => {
    const aborted = new ConnectError("lost", Code.Aborted);
    for (const error of [unavailable(), aborted]) {
      const { made, call } = failing(error);
      await assert.rejects(whileUnavailable(call, 0), error);
      assert.equal(made.calls, 1);
    }
    const internal = new ConnectError("defect", Code.Internal);
    for (const error of [internal, new TypeError("no ConnectError")]) {
      const { made, call } = failing(error);
      await assert.rejects(whileUnavailable(call, 60_000), error);
      assert.equal(made.calls, 1);
    }
    const { call } = failing(aborted);
    assert.equal(await whileUnavailable(call, 60_000), "answer");
  });
});
