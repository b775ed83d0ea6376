import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { sql } from "kysely";
import { createAncestry } from "../../../src/engine/commit/ancestry.ts";
import { createEngine, type Engine, type EngineLimits } from "../../../src/engine/commit/engine.ts";
import type { Verdict } from "../../../src/engine/commit/operation.ts";
import { readBudget } from "../../../src/store/budgets.ts";
import { type Database, openPostgres } from "../../../src/store/database.ts";
import { migrate } from "../../../src/store/migrate.ts";
import { createStore, type Store } from "../../../src/store/store.ts";
import { chargeOf, createOf, reasonOf } from "../../support/decisions.ts";
import { ENGINE_LIMITS } from "../../support/engine.ts";
import { startPostgres } from "../../support/postgres.ts";

/** With its bug, a test waits as long as this, and then fails. */
const LOCK_WAIT_MS_MAX = 20_000;

describe("operations on budgets that another session has locked", () => {
  const stack = new AsyncDisposableStack();
  let database: Database;
  let store: Store;
  /** How many transactions have begun. */
  let begun = 0;
  let onBegin = (): void => {};
  let requests = 0;

  const engineWith = (limits: Partial<EngineLimits> = {}): Engine =>
    createEngine({
      store: {
        ...store,
        transaction: (work, options) => {
          begun++;
          onBegin();
          return store.transaction(work, options);
        },
      },
      ancestry: createAncestry(store),
      limits: { ...ENGINE_LIMITS, lockWaitMsMax: LOCK_WAIT_MS_MAX, ...limits },
      onChanged: () => {},
      onDefect: (error) => assert.fail(error as Error),
    });
  const charge = (user: string) => chargeOf(1n, { user, requestId: `request-${++requests}` });
  const create = async (engine: Engine, user: string, parent?: string): Promise<void> =>
    assert.equal(reasonOf(await engine.submit(createOf({ user, parent }))), "ok");

  const spent = async (user: string): Promise<bigint | undefined> =>
    (await store.read((connection) => readBudget(connection, { project: "p", user })))?.budget.spentNanoUsd;

  /** Another session with a lock on the row of a user. */
  const lock = async (user: string): Promise<AsyncDisposable> => {
    const locked = Promise.withResolvers<void>();
    const unlocking = Promise.withResolvers<void>();
    const session = database.unlimited.transaction().execute(async (transaction) => {
      await sql`select 1 from budgets where user_id = ${user} for update`.execute(transaction);
      locked.resolve();
      await unlocking.promise;
    });
    await Promise.race([locked.promise, session]);
    return {
      [Symbol.asyncDispose]() {
        unlocking.resolve();
        return session;
      },
    };
  };

  before(async () => {
    const postgres = stack.use(await startPostgres());
    const url = await postgres.createDatabase();
    database = stack.use(openPostgres({ url, connectionsMax: 10, timeoutMs: 60_000, onIdleError: () => {} }));
    await migrate(database);
    store = createStore({ database, retryMsMax: 10_000 });
  });
  after(() => stack.disposeAsync());

  it("are refused once as many wait as the queue holds, and those that wait are done", async () => {
    const engine = engineWith({ queueOperationsMax: 3 });
    await create(engine, "full");
    await create(engine, "free");
    await using session = await lock("full");
    const waiting: Promise<Verdict>[] = [];
    // One after the other, because a project may fill only a part of the queue that all operations pass.
    for (let count = 0; count < 3; count++) {
      waiting.push(engine.submit(charge("full")));
      // It comes after the other, which waits in the queue of its budget when this one has its verdict.
      assert.equal(reasonOf(await engine.submit(charge("free"))), "ok");
    }
    assert.equal(reasonOf(await engine.submit(charge("full"))), "OVERLOADED");
    await session[Symbol.asyncDispose]();
    assert.deepEqual((await Promise.all(waiting)).map(reasonOf), ["ok", "ok", "ok"]);
    assert.equal(reasonOf(await engine.submit(charge("full"))), "ok");
  });

  it("are done as soon as their own locks are free, while another operation of their queue must wait", async () => {
    const engine = engineWith();
    await create(engine, "parent");
    await create(engine, "zoe", "parent");
    // The engine learns which budgets are above.
    assert.equal(reasonOf(await engine.submit(charge("zoe"))), "ok");
    await using parent = await lock("parent");
    const waiting = [engine.submit(charge("zoe")), engine.submit(charge("parent"))];
    // It shares their batch, so both wait in the queue of the parent when it has its verdict.
    assert.equal(reasonOf(await engine.submit(charge("free"))), "ok");
    await using child = await lock("zoe");
    await parent[Symbol.asyncDispose]();
    const all = Promise.all(waiting);
    // One nano-USD from the charge on zoe, and one of its own.
    const isCommitted = async (): Promise<void> => {
      while ((await spent("parent")) !== 2n) continue;
    };
    await Promise.race([isCommitted(), all]);
    await child[Symbol.asyncDispose]();
    assert.deepEqual((await all).map(reasonOf), ["ok", "ok"]);
  });

  it("are tried again for long if they wait alone for the name of an uncommitted session", async () => {
    const engine = engineWith();
    const inserted = Promise.withResolvers<void>();
    const retried = Promise.withResolvers<void>();
    const session = database.unlimited.transaction().execute(async (transaction) => {
      await sql`insert into budgets (project, user_id, total_nano_usd, period_id, period_start, creation_fingerprint,
        created_at, updated_at) values ('p', 'new', 1, 1, now(), 'theirs', now(), now())`.execute(
        transaction,
      );
      inserted.resolve();
      await retried.promise;
    });
    await Promise.race([inserted.promise, session]);
    const before = begun;
    // More restarts than a batch of several operations may have.
    onBegin = () => begun > before + 5 && retried.resolve();
    const creation = engine.submit(createOf({ user: "new" }));
    const verdict = await creation;
    retried.resolve();
    await session;
    assert.equal(reasonOf(verdict), "BUDGET_EXISTS");
  });
});
