import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Kysely, sql, type Transaction } from "kysely";
import { createAncestry } from "../../../src/engine/commit/ancestry.ts";
import { createEngine, type Engine, type EngineLimits } from "../../../src/engine/commit/engine.ts";
import type { Charge, Verdict } from "../../../src/engine/commit/operation.ts";
import { readBudget } from "../../../src/store/budgets.ts";
import { type Database, openPostgres } from "../../../src/store/database.ts";
import { migrate } from "../../../src/store/migrate.ts";
import type { Schema } from "../../../src/store/schema.ts";
import { createStore, type Store } from "../../../src/store/store.ts";
import { startPostgres } from "../../support/postgres.ts";

const LIMITS: EngineLimits = {
  batchOperationsMax: 100,
  batchesInFlightMax: 2,
  quietBatchesMax: 1,
  queueOperationsMax: 2000,
  backgroundOperationsMax: 100,
  lockWaitMsMax: 60_000,
};

let requests = 0;
const charge = (user: string, changes: Partial<Charge> = {}): Charge => ({
  kind: "charge",
  project: "p",
  user,
  requestId: `request-${++requests}`,
  fingerprint: "f",
  source: "COST",
  model: "m",
  costNanoUsd: 1n,
  detail: undefined,
  reservationId: undefined,
  ...changes,
});

const reasons = (verdicts: readonly Verdict[]): string[] =>
  verdicts.map((verdict) => (verdict.ok ? "ok" : verdict.error.reason));

type Work = (transaction: Transaction<Schema>) => Promise<unknown>;

/** A database whose transactions run through `execute`, which may fail at the points where a real one can. */
const withTransactions = (execute: (work: Work) => Promise<unknown>): Kysely<Schema> =>
  ({ transaction: () => ({ execute }) }) as unknown as Kysely<Schema>;

describe("the engine", () => {
  const stack = new AsyncDisposableStack();
  let database: Database;
  let store: Store;
  const defects: unknown[] = [];
  const engineWith = (limits: Partial<EngineLimits> = {}, on: Store = store): Engine =>
    createEngine({
      store: on,
      ancestry: createAncestry(on),
      onChanged: () => {},
      limits: { ...LIMITS, ...limits },
      onDefect: (error) => defects.push(error),
    });
  const newBudget = async (user: string): Promise<void> => {
    const verdict = await engineWith().submit({
      kind: "create",
      project: "p",
      user,
      totalNanoUsd: 1n,
      period: undefined,
      parent: undefined,
      modelLimits: [],
      fingerprint: "",
      actor: "test",
    });
    assert.equal(verdict.ok, true);
  };
  const spent = async (user: string): Promise<bigint> =>
    (await store.read((connection) => readBudget(connection, { project: "p", user })))?.budget.spentNanoUsd ??
    -1n;

  before(async () => {
    const postgres = stack.use(await startPostgres());
    database = stack.use(
      openPostgres({
        url: await postgres.createDatabase(),
        connectionsMax: 5,
        timeoutMs: 60_000,
        onIdleError: () => {},
      }),
    );
    await migrate(database);
    store = createStore({ database, retryMsMax: 10_000, onRetry: () => {} });
  });
  after(() => stack.disposeAsync());

  it("gives each operation its own verdict", async () => {
    await newBudget("verdicts");
    const engine = engineWith();
    const verdicts = await Promise.all([
      engine.submit(charge("verdicts")),
      engine.submit(charge("nobody")),
      engine.submit(charge("verdicts")),
    ]);
    assert.deepEqual(reasons(verdicts), ["ok", "BUDGET_NOT_FOUND", "ok"]);
    assert.equal(await spent("verdicts"), 2n);
  });

  it("refuses what exceeds its queue, leaves room for other projects, and commits the rest", async () => {
    await newBudget("queue");
    const engine = engineWith({ queueOperationsMax: 6 });
    const loud = Array.from({ length: 5 }, () => engine.submit(charge("queue")));
    const quiet = engine.submit({ ...charge("queue"), project: "another project" });
    assert.deepEqual(reasons(await Promise.all(loud)), ["ok", "ok", "ok", "OVERLOADED", "OVERLOADED"]);
    assert.deepEqual(reasons([await quiet]), ["BUDGET_NOT_FOUND"]);
    assert.equal(await spent("queue"), 3n);
    assert.deepEqual(reasons([await engine.submit(charge("queue"))]), ["ok"]);
  });

  it("drops an operation whose caller left before its batch began, and never after that", async () => {
    await newBudget("gone");
    const engine = engineWith();
    let asked = 0;
    const verdicts = await Promise.all([
      engine.submit(charge("gone"), () => "CANCELLED"),
      engine.submit(charge("gone"), () => "DEADLINE_EXCEEDED"),
      engine.submit(charge("gone"), () => (++asked === 1 ? undefined : "CANCELLED")),
    ]);
    assert.deepEqual(reasons(verdicts), ["CANCELLED", "DEADLINE_EXCEEDED", "ok"]);
    assert.equal(await spent("gone"), 1n);
  });

  it("commits the rest of a batch if the database rejects one operation", async () => {
    await newBudget("poison");
    const engine = engineWith();
    const operations = Array.from({ length: 7 }, () => charge("poison"));
    // No caller can send this, since field validation refuses it. PostgreSQL's text has no zero byte.
    operations[4] = charge("poison", { model: "zero\0byte" });
    const verdicts = await Promise.all(operations.map((operation) => engine.submit(operation)));
    assert.deepEqual(reasons(verdicts), ["ok", "ok", "ok", "ok", "INTERNAL", "ok", "ok"]);
    assert.equal(await spent("poison"), 6n);
    assert.equal(defects.length, 1);
  });

  it("charges once if the connection dies right after COMMIT and the batch is retried", async () => {
    await newBudget("cut");
    let cuts = 0;
    // The point at which the answer to COMMIT is lost: the work is done, but the server cannot know.
    const kysely = withTransactions(async (work) => {
      const result = await database.kysely.transaction().execute(work);
      if (cuts++ < 3) throw Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
      return result;
    });
    const retries: unknown[] = [];
    const cutStore = createStore({
      database: { kysely },
      retryMsMax: 10_000,
      onRetry: (error) => retries.push(error),
    });
    const engine = engineWith({}, cutStore);
    const verdicts = await Promise.all(Array.from({ length: 10 }, () => engine.submit(charge("cut"))));
    assert.deepEqual(
      reasons(verdicts),
      Array.from({ length: 10 }, () => "ok"),
    );
    assert.ok(retries.length > 0);
    assert.equal(await spent("cut"), 10n);
  });

  it("tells callers that the store is unavailable while it is down, and serves them when it is back", async () => {
    await newBudget("away");
    let away = true;
    const kysely = withTransactions((work) => {
      if (away) throw Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
      return database.kysely.transaction().execute(work);
    });
    const engine = engineWith({}, createStore({ database: { kysely }, retryMsMax: 20, onRetry: () => {} }));
    assert.deepEqual(reasons([await engine.submit(charge("away"))]), ["STORE_UNAVAILABLE"]);
    away = false;
    assert.deepEqual(reasons([await engine.submit(charge("away"))]), ["ok"]);
  });

  it("shares transactions: many operations need few transactions", async () => {
    await newBudget("shared");
    const transactions = async (): Promise<number> => {
      await sql`select pg_stat_force_next_flush()`.execute(database.kysely);
      const { rows } = await sql<{ commits: bigint }>`
        select xact_commit as commits from pg_stat_database where datname = current_database()`.execute(
        database.kysely,
      );
      return Number(rows[0]?.commits);
    };
    const engine = engineWith();
    const before = await transactions();
    await Promise.all(Array.from({ length: 1000 }, () => engine.submit(charge("shared"))));
    const used = (await transactions()) - before;
    assert.ok(used < 30, `${used} transactions for 1000 operations`);
    assert.equal(await spent("shared"), 1000n);
  });

  it("drains: every submitted operation gets its verdict first", async () => {
    await newBudget("drain");
    const engine = engineWith();
    const done: string[] = [];
    const verdict = engine.submit(charge("drain")).then(() => done.push("verdict"));
    await engine.drain();
    done.push("drained");
    await verdict;
    assert.deepEqual(done, ["verdict", "drained"]);
    await engine.drain();
  });
});
