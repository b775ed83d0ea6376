import assert from "node:assert/strict";
import { after, before, beforeEach, suite, test } from "node:test";
import pino from "pino";
import { errorOf, told } from "../support/errors.ts";
import { startTransports, type Transports } from "../support/transports.ts";

const SECRET = "the text of a defect";

suite("A defect of a handler", () => {
  let lines: { level: number; msg: string; method: string; err: { message: string } }[] = [];
  let transports: Transports;
  before(async () => {
    transports = await startTransports({
      log: pino({ level: "info" }, { write: (line) => void lines.push(JSON.parse(line)) }),
      handlers: {
        getBudget: async () => {
          throw new TypeError(SECRET);
        },
        // oxlint-disable-next-line require-yield
        watchBudget: async function* () {
          throw new TypeError(SECRET);
        },
        // An answer that protobuf cannot encode.
        getCurrentCost: async () => ({ currentCostNanoUsd: 2n ** 64n }),
      },
      texts: {
        "/text": async () => {
          throw new TypeError(SECRET);
        },
      },
    });
  });
  after(() => transports[Symbol.asyncDispose]());
  beforeEach(() => {
    lines = [];
  });

  const ERROR = pino.levels.values["error"];

  for (const way of ["gRPC", "Connect", "Connect JSON", "gRPC-Web", "in-process"]) {
    test(`is INTERNAL over ${way}, without its text, and is logged with its method`, async () => {
      const client = transports.clients[way];
      assert.ok(client !== undefined);
      for (const call of [client.getBudget({}), Array.fromAsync(client.watchBudget({}))]) {
        const error = await errorOf(call);
        const { code, reason } = told(error);
        assert.deepEqual([code, reason], ["Internal", "INTERNAL"]);
        assert.ok(!error.message.includes(SECRET));
      }
      const logged = lines.map(({ level, msg, method, err }) => [level, msg, method, err.message]);
      const line = (method: string) => [ERROR, "a call failed", method, SECRET];
      assert.deepEqual(logged.toSorted(), [line("GetBudget"), line("WatchBudget")]);
    });
  }

  test("is HTTP 500 on a route of text, without its text, and is logged with its path", async () => {
    const response = await fetch(`${transports.httpUrl}/text`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    assert.equal(response.status, 500);
    assert.ok(!(await response.text()).includes(SECRET));
    assert.deepEqual(
      lines.map(({ level, method, err }) => [level, method, err.message]),
      [[ERROR, "/text", SECRET]],
    );
  });

  test("is logged over gRPC also if the answer cannot be encoded", async () => {
    const error = await errorOf(transports.clients["gRPC"]?.getCurrentCost({}) ?? Promise.resolve());
    assert.equal(told(error).reason, "INTERNAL");
    assert.deepEqual(
      lines.map(({ method }) => method),
      ["GetCurrentCost"],
    );
  });
});
