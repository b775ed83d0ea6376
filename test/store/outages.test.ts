import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { Failure } from "../../src/domain/errors.ts";
import { isConflict, isLockTimeout, isOutage } from "../../src/store/outage.ts";
import { watchOutages } from "../../src/store/outage-watch.ts";
import { NoAnswer, NoConnection } from "../../src/store/sessions.ts";
import { createStore } from "../../src/store/store.ts";

const coded = (code: unknown, message = "failed"): Error => Object.assign(new Error(message), { code });

describe("an error of the database", () => {
  it("is an outage if the database has failed, and not the work", () => {
    // SQLSTATEs: appendix A of PostgreSQL's manual.
    for (const code of [
      "08000",
      "08006",
      "28P01",
      "28000",
      "53300",
      "53100",
      "57P01",
      "57P03",
      "58030",
      "F0000",
      "XX000",
      "XX002",
      "25006",
      "25P03",
      "25P04",
      "3D000",
      "3F000",
      "40003",
      "42501",
      "42P01",
      "55P03",
      "57014",
      "ECONNREFUSED",
      "ECONNRESET",
      "EPIPE",
      "EHOSTUNREACH",
      "ENETDOWN",
      "ETIMEDOUT",
      "EPROTO",
      "EAI_AGAIN",
      "ERR_SSL_X",
      "ERR_TLS_X",
      "ERR_STREAM_DESTROYED",
    ]) {
      assert.ok(isOutage(coded(code)), code);
    }
    assert.ok(isOutage(new NoAnswer(5)));
    assert.ok(isOutage(new NoConnection(new Error("no route"))));
    assert.ok(isOutage(Object.assign(new Error("unreachable"), { name: "RuntimeError" })));
    for (const message of [
      "Connection terminated",
      "Connection terminated unexpectedly",
      "Client has encountered a connection error and is not queryable",
      "Client was closed and is not queryable",
    ]) {
      assert.ok(isOutage(new Error(message)), message);
    }
  });

  it("is no outage if the work has failed", () => {
    for (const code of [
      "23505",
      "22003",
      "42601",
      "42703",
      "40001",
      "40P01",
      "25001",
      "57015",
      "P0001",
      "ERR_X",
    ]) {
      assert.ok(!isOutage(coded(code)), code);
    }
    for (const other of [undefined, null, "08006", {}, coded(8006), new Error("a defect")])
      assert.ok(!isOutage(other));
  });

  it("is a conflict after a serialization failure or a deadlock, and a lock timeout if it says so", () => {
    assert.ok(isConflict(coded("40001")) && isConflict(coded("40P01")));
    assert.ok(!isConflict(coded("40003")) && !isConflict(coded("55P03")) && !isConflict(undefined));
    assert.ok(isLockTimeout(coded("55P03")));
    assert.ok(!isLockTimeout(coded("57014")) && !isLockTimeout(null));
  });

  it("names the cause if there was no connection, by its text or else by its code", () => {
    assert.equal(new NoConnection(new Error("no route")).message, "no connection to PostgreSQL: no route");
    // Errors of several addresses have no text.
    assert.equal(
      new NoConnection(coded("ECONNREFUSED", "")).message,
      "no connection to PostgreSQL: ECONNREFUSED",
    );
  });
});

describe("an outage", () => {
  const watched = (t: TestContext) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const events: unknown[] = [];
    const watch = watchOutages({
      onOutage: (error) => events.push(error),
      onRecovery: ({ failures }) => events.push(failures),
    });
    return { events, watch, tick: (ms: number) => t.mock.timers.tick(ms) };
  };

  it("begins with its first failure, and ends when a second has passed after a success without a failure", (t) => {
    const { events, watch, tick } = watched(t);
    watch.succeeded();
    assert.equal(watch.isFailing, false);
    watch.failed("first");
    watch.failed("second");
    assert.equal(watch.isFailing, true);
    assert.deepEqual(events, ["first"]);
    watch.succeeded();
    assert.equal(watch.isFailing, false);
    tick(999);
    watch.succeeded();
    assert.deepEqual(events, ["first"]);
    tick(1);
    assert.deepEqual(events, ["first", 2]);
    watch.failed("third");
    assert.deepEqual(events, ["first", 2, "third"]);
  });

  it("goes on if it fails again within that second", (t) => {
    const { events, watch, tick } = watched(t);
    watch.failed("first");
    watch.succeeded();
    tick(999);
    watch.failed("again");
    tick(5_000);
    assert.deepEqual(events, ["first"]);
    watch.succeeded();
    tick(1_000);
    assert.deepEqual(events, ["first", 2]);
  });
});

describe("work on the database", () => {
  // Nothing here reaches a database: the work fails or succeeds by itself.
  const database = { kysely: undefined as never };
  /** Runs work that fails with these errors, one after the other, and then succeeds. */
  async function run(errors: readonly unknown[], retryMsMax: number) {
    const outages: unknown[] = [];
    const retried: unknown[] = [];
    let attempts = 0;
    const store = createStore({
      database,
      retryMsMax,
      onOutage: (error) => outages.push(error),
      onRetry: (error) => retried.push(error),
    });
    const result = await store
      .read(async () => {
        if (attempts < errors.length) throw errors[attempts++];
        return "done";
      })
      .catch((error: unknown) => error);
    return { result, attempts, outages: outages.length, retried: retried.length };
  }

  it("is repeated after an outage, which is reported once", async () => {
    const errors = [coded("08006"), coded("57P01"), new NoAnswer(5)];
    assert.deepEqual(await run(errors, 600_000), { result: "done", attempts: 3, outages: 1, retried: 3 });
  });

  it("is repeated after a conflict, which is no outage, up to 20 times", async (t) => {
    t.mock.method(Math, "random", () => 0);
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const ticking = setInterval(() => t.mock.timers.tick(500), 1);
    const conflicts = (count: number) => Array.from({ length: count }, () => coded("40001"));
    assert.deepEqual(await run(conflicts(20), 0), { result: "done", attempts: 20, outages: 0, retried: 0 });
    const { result, attempts } = await run(conflicts(21), 0);
    clearInterval(ticking);
    assert.ok(result instanceof Failure);
    assert.deepEqual([result.error, attempts], [{ reason: "STORE_UNAVAILABLE", retryAfterMs: 500 }, 21]);
  });

  it("is given up when the time for retries has passed, with the last failure as the cause", async () => {
    const error = coded("08006");
    const { result, attempts } = await run([error, error], 0);
    assert.ok(result instanceof Failure);
    assert.deepEqual(
      [result.error, result.cause],
      [{ reason: "STORE_UNAVAILABLE", retryAfterMs: 500 }, error],
    );
    assert.equal(attempts, 1);
  });

  it("is not repeated if it has failed itself", async () => {
    const defect = new Error("a defect");
    assert.deepEqual(await run([defect], 600_000), { result: defect, attempts: 1, outages: 0, retried: 0 });
  });
});
