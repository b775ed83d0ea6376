import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it, mock } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { startSweeping, sweep } from "../../../src/engine/upkeep/sweep.ts";
import { createOf } from "../../support/decisions.ts";
import { type Inside, passTime, startInside } from "../../support/engine.ts";

const DAILY = { unit: "DAY", count: 1, timeZone: "UTC", anchorUs: undefined } as const;

describe("a sweep", () => {
  let inside: Inside;
  before(async () => void (inside = await startInside()));
  after(() => inside[Symbol.asyncDispose]());

  let requests = 0;
  /** Budgets with a period that has ended, and something spent in it. */
  const newDue = async (project: string, users: readonly string[]): Promise<void> => {
    const budget = { project, period: DAILY };
    await Promise.all(users.map((user) => inside.engine.submit(createOf({ ...budget, user }))));
    await Promise.all(
      users.map((user) =>
        inside.engine.submit({
          kind: "charge",
          project,
          user,
          requestId: `r-${++requests}`,
          fingerprint: "",
          source: "COST",
          model: "m",
          costNanoUsd: 5n,
          detail: undefined,
          reservationId: undefined,
        }),
      ),
    );
    await passTime(inside.kysely, project, 48);
  };
  /** The users of a project whose ended period is recorded. */
  const recorded = async (project: string): Promise<string[]> => {
    const rows = await inside.kysely
      .selectFrom("periods")
      .select("user_id")
      .where("project", "=", project)
      .orderBy("user_id")
      .execute();
    return rows.map((row) => row.user_id);
  };
  const everything = { project: undefined, user: undefined };

  it("ends all due budgets of all projects, also when there are more than it ends at once", async () => {
    const users = Array.from({ length: 9 }, (_, n) => `user-${n}`);
    await newDue("many", users);
    await newDue("other", ["alice"]);
    await inside.engine.submit(createOf({ project: "many", user: "not-due", period: DAILY }));
    assert.equal(await sweep(inside, everything, 2), 10);
    assert.deepEqual(await recorded("many"), users);
    assert.deepEqual(await recorded("other"), ["alice"]);
    assert.equal(await sweep(inside, everything, 2), 0);
  });

  it("goes on after another server has ended some of the budgets that it found", async () => {
    const users = Array.from({ length: 9 }, (_, n) => `user-${n}`);
    await newDue("shared", users);
    // All but one of those that it finds first.
    const byOther = users.slice(0, 3);
    const { store, engine } = inside;
    const submitInBackground: typeof engine.submitInBackground = async (operation) => {
      if (byOther.includes(operation.user)) await engine.submitInBackground(operation);
      return engine.submitInBackground(operation);
    };
    const ended = await sweep({ store, engine: { ...engine, submitInBackground } }, everything, 2);
    assert.equal(ended, 6);
    assert.deepEqual(await recorded("shared"), users);
  });

  it("has twice as many budgets in the engine at once as one transaction takes, and not more", async () => {
    await newDue(
      "in-flight",
      Array.from({ length: 9 }, (_, n) => `user-${n}`),
    );
    const { store, engine } = inside;
    let inFlight = 0;
    let most = 0;
    const submitInBackground: typeof engine.submitInBackground = async (operation) => {
      most = Math.max(most, ++inFlight);
      return engine.submitInBackground(operation).finally(() => inFlight--);
    };
    assert.equal(await sweep({ store, engine: { ...engine, submitInBackground } }, everything, 2), 9);
    assert.equal(most, 4);
  });

  it("covers one project, or one budget, if it is told so", async () => {
    await newDue("bound-1", ["alice", "bob", "carol"]);
    await newDue("bound-2", ["alice"]);
    assert.equal(await sweep(inside, { project: "bound-1", user: "bob" }, 2), 1);
    assert.deepEqual(await recorded("bound-1"), ["bob"]);
    assert.equal(await sweep(inside, { project: "bound-1", user: undefined }, 2), 2);
    assert.deepEqual(await recorded("bound-2"), []);
  });
});

describe("the sweeping of a server", () => {
  const INTERVAL_MS = 1_000;
  beforeEach(() => mock.timers.enable({ apis: ["setInterval"] }));
  afterEach(() => mock.timers.reset());

  /** An engine and a store without due budgets. Each call to end expired holds waits for the test. */
  function start() {
    const calls: PromiseWithResolvers<number>[] = [];
    const errors: unknown[] = [];
    let reads = 0;
    const engine = {
      endExpired: () => {
        calls.push(Promise.withResolvers());
        return calls.at(-1)?.promise;
      },
    };
    const store = {
      read: async () => {
        reads++;
        return [];
      },
    };
    const sweeping = startSweeping({
      store,
      engine,
      intervalMs: INTERVAL_MS,
      batchBudgetsMax: 10,
      onError: (error: unknown) => errors.push(error),
    } as unknown as Parameters<typeof startSweeping>[0]);
    return { sweeping, calls, errors, reads: () => reads };
  }

  it("sweeps at every interval, but not while a sweep is running", async () => {
    const { sweeping, calls, reads } = start();
    mock.timers.tick(INTERVAL_MS - 1);
    assert.equal(calls.length, 0);
    mock.timers.tick(1);
    mock.timers.tick(5 * INTERVAL_MS);
    assert.deepEqual([calls.length, reads()], [1, 0]);
    calls[0]?.resolve(0);
    await turn();
    assert.deepEqual([calls.length, reads()], [1, 1]);
    mock.timers.tick(INTERVAL_MS);
    assert.equal(calls.length, 2);
    calls[1]?.resolve(0);
    await sweeping[Symbol.asyncDispose]();
  });

  it("waits for the running sweep when it is disposed, and then starts none", async () => {
    const { sweeping, calls, reads } = start();
    mock.timers.tick(INTERVAL_MS);
    let isDisposed = false;
    const disposal = sweeping[Symbol.asyncDispose]().then(() => (isDisposed = true));
    await turn();
    assert.equal(isDisposed, false);
    calls[0]?.resolve(0);
    await disposal;
    assert.equal(reads(), 1);
    mock.timers.tick(5 * INTERVAL_MS);
    assert.equal(calls.length, 1);
  });

  it("reports a sweep that fails, and sweeps again at the next interval", async () => {
    const { sweeping, calls, errors } = start();
    mock.timers.tick(INTERVAL_MS);
    const why = new Error("the store is down");
    calls[0]?.reject(why);
    await turn();
    assert.deepEqual(errors, [why]);
    mock.timers.tick(INTERVAL_MS);
    calls[1]?.resolve(0);
    await sweeping[Symbol.asyncDispose]();
    assert.equal(errors.length, 1);
  });

  it("ends at once when it is disposed while no sweep is running", async () => {
    await start().sweeping[Symbol.asyncDispose]();
  });
});
