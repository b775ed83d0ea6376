import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import type { Key } from "../../gen/es/budget/v1/key_pb.ts";
import { Role } from "../../gen/es/budget/v1/key_pb.ts";
import { EVERY_WAY, type Way } from "../support/api.ts";
import { errorOf, told } from "../support/errors.ts";
import { clientsWith, outcomeOf } from "../support/keys.ts";
import { makeStore, startTestServer, type TestServer, type TestStore } from "../support/server.ts";

/** The promise: a revoked key works no longer than this, on every server. */
const PROMISED_MS = 5_000;

/** Two servers on one database. Without keys, both serve everybody, on loopback. */
suite("Two servers", () => {
  let store: TestStore;
  let one: TestServer;
  let two: TestServer;
  let operator: string;
  before(async () => {
    store = await makeStore("PostgreSQL");
    const settings = { ...store.environment, SHUTDOWN_GRACE_MS: "100" };
    one = await startTestServer(settings);
    two = await startTestServer(settings);
    await one.grpc.createBudget({ project: "p", user: "alice" });
  });
  after(async () => {
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  });

  const name = { project: "p", user: "alice" };
  const ask = (server: TestServer, secret: string | undefined, way: Way): Promise<string> =>
    outcomeOf(clientsWith(server, secret, way).budgets.getBudget(name));

  /** Calls until the answer is as expected, and fails if that takes longer than promised. */
  const until = async (expected: string, sinceMs: number, call: () => Promise<string>): Promise<void> => {
    for (;;) {
      const beganMs = performance.now();
      const outcome = await call();
      if (outcome === expected) return;
      assert.ok(beganMs - sinceMs < PROMISED_MS, `${outcome}, ${Math.round(beganMs - sinceMs)} ms later`);
      await nextTurn();
    }
  };

  const makeKey = async (change: object = {}): Promise<{ key: Key; secret: string }> => {
    const request = { project: "p", name: "a key", role: Role.READER, ...change };
    const { key, secret } = await clientsWith(one, operator).keys.createKey(request);
    assert.ok(key !== undefined);
    return { key, secret };
  };

  /** Streams of the budget over every transport, on both servers. Each has sent the budget once. */
  const openStreams = async (secret: string | undefined) => {
    const stop = new AbortController();
    const streams = await Promise.all(
      [one, two].flatMap((server) =>
        EVERY_WAY.map(async (way) => {
          const { budgets } = clientsWith(server, secret, way);
          const stream = budgets.watchBudget(name, { signal: stop.signal })[Symbol.asyncIterator]();
          assert.equal((await stream.next()).value?.budget?.user, "alice");
          return { way, end: errorOf(stream.next()) };
        }),
      ),
    );
    return { streams, [Symbol.dispose]: () => stop.abort() };
  };
  const assertEnded = async (
    { streams }: Awaited<ReturnType<typeof openStreams>>,
    sinceMs: number,
    reason: string,
  ): Promise<void> => {
    for (const { way, end } of streams) {
      const { code, reason: given } = told(await end);
      assert.deepEqual([code, given], ["Unauthenticated", reason], way);
    }
    const tookMs = performance.now() - sinceMs;
    assert.ok(tookMs < PROMISED_MS, `the last stream ended after ${Math.round(tookMs)} ms`);
  };

  test("ask everybody for a key as soon as one of them has created the first", async () => {
    for (const way of EVERY_WAY) assert.equal(await ask(two, undefined, way), "ok");
    using streams = await openStreams(undefined);
    const { secret } = await clientsWith(one, undefined).keys.createKey({
      name: "the first key",
      role: Role.OPERATOR,
    });
    const createdMs = performance.now();
    operator = secret;
    assert.equal(await ask(one, undefined, "gRPC"), "KEY_MISSING");
    await until("KEY_MISSING", createdMs, () => ask(two, undefined, "gRPC"));
    for (const server of [one, two])
      for (const way of EVERY_WAY) assert.equal(await ask(server, undefined, way), "KEY_MISSING");
    await assertEnded(streams, createdMs, "KEY_MISSING");
  });

  test("take a key at once that one of them has created", async () => {
    for (const way of EVERY_WAY) assert.equal(await ask(two, (await makeKey()).secret, way), "ok");
  });

  test("refuse a key within 5 seconds after one of them has revoked it, and end its streams", async () => {
    const { key, secret } = await makeKey();
    using streams = await openStreams(secret);
    await clientsWith(one, operator).keys.revokeKey({ project: "p", keyId: key.keyId });
    const revokedMs = performance.now();
    // The server that has revoked it refuses it at once.
    for (const way of EVERY_WAY) assert.equal(await ask(one, secret, way), "KEY_INVALID");
    await until("KEY_INVALID", revokedMs, () => ask(two, secret, "gRPC"));
    for (const way of EVERY_WAY) assert.equal(await ask(two, secret, way), "KEY_INVALID");
    await assertEnded(streams, revokedMs, "KEY_INVALID");
  });

  test("refuse a key from its expiry on, and end its streams", async () => {
    const expiresMs = Date.now() + 1500;
    const { secret } = await makeKey({ expireTime: timestampFromMs(expiresMs) });
    using streams = await openStreams(secret);
    const leftMs = expiresMs - Date.now();
    const sinceMs = performance.now() + leftMs;
    for (const server of [one, two]) await until("KEY_INVALID", sinceMs, () => ask(server, secret, "gRPC"));
    await assertEnded(streams, sinceMs, "KEY_INVALID");
  });

  test("accept a key until the instant of its revocation, which is never moved back", async () => {
    const { key, secret } = await makeKey();
    const { keys } = clientsWith(one, operator);
    const revoke = async (inMs?: number): Promise<number> => {
      const revokeTime = inMs === undefined ? undefined : timestampFromMs(Date.now() + inMs);
      const answer = await keys.revokeKey({ project: "p", keyId: key.keyId, revokeTime });
      return timestampMs(answer.key?.revokeTime ?? timestampFromMs(0));
    };
    const hour = 3_600_000;
    const first = await revoke(hour);
    assert.equal(await ask(one, secret, "gRPC"), "ok");
    assert.equal(await revoke(2 * hour), first);
    const earlier = await revoke(hour / 2);
    assert.ok(earlier < first);
    assert.equal(await ask(one, secret, "Connect"), "ok");
    const last = await revoke(-hour);
    assert.ok(last < earlier);
    // A time in the past means now.
    const { rows } = await sql<{ is_past: boolean }>`
      select revoked_at between created_at and clock_timestamp() as is_past from keys
      where key_id = ${key.keyId}`.execute(one.database.kysely);
    assert.equal(rows[0]?.is_past, true);
    assert.equal(await revoke(), last);
    assert.equal(await ask(one, secret, "gRPC"), "KEY_INVALID");
  });

  test("know nothing of a key that is in another project, or does not exist", async () => {
    const { key } = await makeKey({ project: "q" });
    const { keys } = clientsWith(one, operator);
    for (const keyId of [key.keyId, "nothing"]) {
      const error = await errorOf(keys.revokeKey({ project: "p", keyId }));
      assert.deepEqual(
        [told(error).reason, told(error).metadata],
        ["KEY_NOT_FOUND", { project: "p", key_id: keyId }],
      );
    }
  });
});
