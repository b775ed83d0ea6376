import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { RetryInfoSchema } from "../../gen/es/google/rpc/error_details_pb.ts";
import { retryDelayMs } from "../../src/client/retry-delay.ts";

const asking = (seconds: bigint, nanos: number): ConnectError =>
  new ConnectError("full", Code.Unavailable, undefined, [
    { desc: RetryInfoSchema, value: { retryDelay: { seconds, nanos } } },
  ]);

test("the delay that an error asks for is rounded up to whole milliseconds", () => {
  assert.equal(retryDelayMs(asking(2n, 0)), 2000);
  assert.equal(retryDelayMs(asking(0n, 1_000_000)), 1);
  assert.equal(retryDelayMs(asking(0n, 1_000_001)), 2);
  assert.equal(retryDelayMs(asking(0n, 1)), 1);
  assert.equal(retryDelayMs(asking(1n, 999_999_999)), 2000);
  assert.equal(retryDelayMs(asking(0n, 0)), 0);
  assert.equal(retryDelayMs(asking(-1n, -500_000_000)), 0);
});

test("an error without a delay has none", () => {
  assert.equal(retryDelayMs(new ConnectError("no", Code.NotFound)), undefined);
});
