import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ConnectError } from "@connectrpc/connect";
import pg from "pg";
import { Role } from "../../gen/es/budget/v1/key_pb.ts";
import { makeSecret } from "../../src/server/keys/secret.ts";
import { EVERY_WAY } from "../support/api.ts";
import { told } from "../support/errors.ts";
import { clientsWith, headerOf, outcomeOf } from "../support/keys.ts";
import { makeStore, startTestServer, type TestServer, type TestStore } from "../support/server.ts";

const NAME = { project: "p", user: "alice" };
const source = { case: "cost", value: { model: "m", costNanoUsd: 1n } } as const;

suite("The limits of a key", () => {
  const operatorKey = makeSecret();
  let store: TestStore;
  let server: TestServer;
  before(async () => {
    store = await makeStore("PostgreSQL");
    // A call that waits for a locked budget waits until the test ends it.
    const settings = {
      PURSER_OPERATOR_KEY: operatorKey,
      SHUTDOWN_GRACE_MS: "100",
      DATABASE_TIMEOUT_MS: "60000",
    };
    server = await startTestServer({ ...store.environment, ...settings });
    await clientsWith(server, operatorKey).budgets.createBudget(NAME);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  });

  const secretWith = async (limits: object): Promise<string> => {
    const key = { project: "p", name: "limited", role: Role.SPENDER, limits };
    return (await clientsWith(server, operatorKey).keys.createKey(key)).secret;
  };

  /** Locks the budget of alice, so that charges of it stay in flight until the result is disposed of. */
  const lockAlice = async (): Promise<AsyncDisposable> => {
    const client = new pg.Client({ connectionString: store.environment.DATABASE_URL });
    await client.connect();
    await client.query("begin");
    await client.query("select from budgets where project = $1 and user_id = $2 for update", ["p", "alice"]);
    return { [Symbol.asyncDispose]: () => client.end() };
  };

  /** Calls until the limit refuses one, and returns that error. */
  const refusal = async (call: () => Promise<unknown>): Promise<ConnectError> => {
    for (;;) {
      const error = await call().then(
        () => undefined,
        (thrown: unknown) => thrown as ConnectError,
      );
      if (error !== undefined) return error;
      await nextTurn();
    }
  };
  const untilOk = async (call: () => Promise<unknown>): Promise<void> => {
    while ((await outcomeOf(call())) !== "ok") await nextTurn();
  };
  const askLegacy = async (secret: string): Promise<number> => {
    const response = await fetch(`${server.httpUrl}/get_budget`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headerOf(secret) },
      body: JSON.stringify({ project_name: "p" }),
    });
    await response.text();
    return response.status;
  };
  const IN_FLIGHT = {
    code: "ResourceExhausted",
    domain: "budget.v1",
    reason: "RATE_EXCEEDED",
    metadata: { calls_in_flight_max: "2", retry_after_ms: "100" },
    fields: [],
    retryDelayMs: 100,
  };

  for (const way of EVERY_WAY) {
    test(`count the calls in flight of all transports together, and refuse more over ${way}`, async () => {
      const secret = await secretWith({ callsInFlightMax: 2 });
      const { budgets } = clientsWith(server, secret, way);
      const read = () => budgets.getBudget(NAME);
      await using held = await lockAlice();
      // One that comes after a read is refused, and tries again.
      const charges = [budgets, clientsWith(server, secret, "Connect").budgets].map((client) =>
        untilOk(() => client.updateCost({ ...NAME, source })),
      );
      assert.deepEqual(told(await refusal(read)), IN_FLIGHT);
      while ((await askLegacy(secret)) !== 429) await nextTurn();
      // Another key of the same project goes on.
      const other = clientsWith(server, await secretWith({ callsInFlightMax: 2 }), way).budgets;
      assert.equal(await outcomeOf(other.getBudget(NAME)), "ok");
      await held[Symbol.asyncDispose]();
      await Promise.all(charges);
      await untilOk(read);
      assert.equal(await askLegacy(secret), 200);
    });

    test(`count open streams over ${way}, until their callers leave`, async () => {
      const secret = await secretWith({ callsInFlightMax: 2 });
      const { budgets } = clientsWith(server, secret, way);
      const stop = new AbortController();
      const streams = [1, 2].map(() =>
        budgets.watchBudget(NAME, { signal: stop.signal })[Symbol.asyncIterator](),
      );
      for (const stream of streams) await stream.next();
      assert.deepEqual(told(await refusal(() => budgets.getBudget(NAME))), IN_FLIGHT);
      const third = budgets.watchBudget(NAME)[Symbol.asyncIterator]();
      assert.deepEqual(told(await refusal(() => third.next())), IN_FLIGHT);
      stop.abort();
      await untilOk(() => budgets.getBudget(NAME));
    });

    test(`bound the calls of a second, and tell when to try again, over ${way}`, async () => {
      const { budgets } = clientsWith(server, await secretWith({ callsPerSecondMax: 1 }), way);
      // So many at once that they cannot take a second each.
      const errors = await Promise.all(
        Array.from({ length: 20 }, () =>
          budgets.getBudget(NAME).then(
            () => undefined,
            (thrown: unknown) => told(thrown as ConnectError),
          ),
        ),
      );
      const refused = errors.filter((each) => each !== undefined);
      assert.ok(refused.length > 0 && refused.length < errors.length, `${refused.length} were refused`);
      for (const { code, reason, metadata, retryDelayMs = 0 } of refused) {
        assert.deepEqual([code, reason], ["ResourceExhausted", "RATE_EXCEEDED"]);
        assert.equal(metadata.calls_per_second_max, "1");
        assert.ok(retryDelayMs > 0 && retryDelayMs <= 1000, `${retryDelayMs} ms`);
      }
    });
  }
});
