import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { createAncestry } from "../../../src/engine/commit/ancestry.ts";
import { createEngine, type Engine } from "../../../src/engine/commit/engine.ts";
import type { Operation, Verdict } from "../../../src/engine/commit/operation.ts";
import { createPageReads } from "../../../src/engine/page-reads.ts";
import { createReader, type Reader } from "../../../src/engine/read/reader.ts";
import { type Database, openPostgres } from "../../../src/store/database.ts";
import { migrate } from "../../../src/store/migrate.ts";
import { createStore, type Store } from "../../../src/store/store.ts";
import { assertConserved } from "../../support/conservation.ts";
import { startPostgres } from "../../support/postgres.ts";

const PROJECT = "p";
const LOCK_WAIT_MS_MAX = 1_000;
/** Longer than any test takes. */
const PATIENT_MS_MAX = 600_000;
const HOUR_US = 3_600_000_000n;

const reasonOf = (verdict: Verdict): string => (verdict.ok ? "ok" : verdict.error.reason);

describe("budgets that another session has locked", () => {
  const stack = new AsyncDisposableStack();
  let database: Database;
  let store: Store;
  let engine: Engine;
  /** For tests in which operations must still wait at the end, however slow the machine is. */
  let patient: Engine;
  let reader: Reader;
  const defects: unknown[] = [];
  let requests = 0;

  const engineWith = (options: { lockWaitMsMax: number; store?: Store }): Engine =>
    createEngine({
      store: options.store ?? store,
      ancestry: createAncestry(store),
      limits: {
        batchOperationsMax: 100,
        batchesInFlightMax: 2,
        quietBatchesMax: 1,
        queueOperationsMax: 10_000,
        backgroundOperationsMax: 100,
        lockWaitMsMax: options.lockWaitMsMax,
      },
      onChanged: () => {},
      onDefect: (error) => defects.push(error),
    });

  const create = (user: string, parent?: string): Promise<Verdict> =>
    engine.submit({
      kind: "create",
      project: PROJECT,
      user,
      totalNanoUsd: 1_000_000n,
      period: undefined,
      parent,
      modelLimits: [],
      fingerprint: "",
      actor: "test",
    });
  const charge = (user: string): Operation => ({
    kind: "charge",
    project: PROJECT,
    user,
    requestId: `request-${++requests}`,
    fingerprint: "",
    source: "COST",
    model: "m",
    costNanoUsd: 1n,
    detail: undefined,
    reservationId: undefined,
  });
  const hold = (user: string, requestId: string, ttlUs: bigint): Operation => ({
    kind: "reserve",
    project: PROJECT,
    user,
    requestId,
    fingerprint: "",
    model: "m",
    amountNanoUsd: 10n,
    ttlUs,
    onExpiry: "RELEASE",
    detail: undefined,
  });
  const held = async (user: string): Promise<bigint> =>
    (await reader.current({ project: PROJECT, user })).budget.heldNanoUsd;

  /** Runs work while another session holds the row locks of these users. */
  const whileLocked = (users: readonly string[], work: () => Promise<void>): Promise<void> =>
    database.unlimited.transaction().execute(async (transaction) => {
      await sql`select 1 from budgets where user_id = any(${users}::text[]) for update`.execute(transaction);
      await work();
    });

  before(async () => {
    const postgres = stack.use(await startPostgres());
    database = stack.use(
      openPostgres({
        url: await postgres.createDatabase(),
        connectionsMax: 10,
        timeoutMs: 60_000,
        onIdleError: () => {},
      }),
    );
    await migrate(database);
    store = createStore({ database, retryMsMax: 10_000 });
    engine = engineWith({ lockWaitMsMax: LOCK_WAIT_MS_MAX });
    patient = engineWith({ lockWaitMsMax: PATIENT_MS_MAX });
    reader = createReader({ store, engine, pageReads: createPageReads() });
    for (const user of [
      "locked-1",
      "locked-2",
      "locked-3",
      "locked-4",
      "other-1",
      "other-2",
      "free",
      "team",
    ]) {
      assert.equal(reasonOf(await create(user)), "ok");
    }
    assert.equal(reasonOf(await create("member", "team")), "ok");
  });
  after(async () => {
    await stack.disposeAsync();
  });

  it("delay only their own callers, however many there are", async () => {
    const locked = ["other-1", "other-2"];
    let waiting: Promise<Verdict>[] = [];
    await whileLocked(locked, async () => {
      waiting = locked.flatMap((user) => Array.from({ length: 5 }, () => patient.submit(charge(user))));
      let ended = 0;
      for (const each of waiting) void each.then(() => ended++);
      // Calls to other budgets, in the same batch and in later ones.
      for (let round = 0; round < 20; round++) {
        const verdicts = await Promise.all([
          patient.submit(charge("free")),
          patient.submit(charge("member")),
        ]);
        assert.deepEqual(verdicts.map(reasonOf), ["ok", "ok"]);
      }
      assert.equal(ended, 0, "those on locked budgets still wait");
    });
    assert.deepEqual([...new Set((await Promise.all(waiting)).map(reasonOf))], ["ok"]);
    assert.deepEqual(defects, []);
  });

  it("make their callers get UNAVAILABLE after the wait limit", async () => {
    const locked = ["locked-1", "locked-2", "locked-3"];
    await whileLocked(locked, async () => {
      const verdicts = await Promise.all(locked.map((user) => engine.submit(charge(user))));
      assert.deepEqual([...new Set(verdicts.map(reasonOf))], ["STORE_UNAVAILABLE"]);
    });
    assert.deepEqual(defects, []);
  });

  it("are waited for beyond the limit while a batch of the same server has them, because it is retried", async () => {
    const stalled = Promise.withResolvers<void>();
    const decided = Promise.withResolvers<void>();
    let isFirst = true;
    const stalling: Store = {
      ...store,
      transaction: (work, options) =>
        store.transaction(async (connection) => {
          const result = await work(connection);
          if (isFirst) {
            isFirst = false;
            decided.resolve();
            await stalled.promise;
          }
          return result;
        }, options),
    };
    const own = engineWith({ lockWaitMsMax: 200, store: stalling });
    const first = own.submit(charge("other-1"));
    await decided.promise;
    const second = own.submit(charge("other-1"));
    await Promise.race([second, sleep(1_000)]);
    stalled.resolve();
    assert.deepEqual((await Promise.all([first, second])).map(reasonOf), ["ok", "ok"]);
    assert.deepEqual(defects, []);
  });

  it("serve their waiting callers in order of arrival as soon as they are unlocked", async () => {
    const waiting: Promise<Verdict>[] = [];
    await whileLocked(["locked-4"], async () => {
      for (let n = 0; n < 3; n++) waiting.push(patient.submit(charge("locked-4")));
      assert.equal(reasonOf(await patient.submit(charge("free"))), "ok");
    });
    const verdicts = await Promise.all(waiting);
    const spent = verdicts.map((verdict) => (verdict.ok ? verdict.budget.spentNanoUsd : verdict.error));
    assert.deepEqual(spent, [1n, 2n, 3n]);
    // The budget is no longer busy, so the next operation shares a batch with all others.
    assert.equal(reasonOf(await patient.submit(charge("locked-4"))), "ok");
  });

  it("delay charges on their descendants, and not those on their siblings", async () => {
    await whileLocked(["team"], async () => {
      const below = engine.submit(charge("member"));
      assert.equal(reasonOf(await engine.submit(charge("free"))), "ok");
      assert.equal(reasonOf(await below), "STORE_UNAVAILABLE");
    });
  });

  it("keep their expired holds, while those of other budgets are ended", async () => {
    for (const user of ["locked-1", "free", "member"]) {
      assert.equal(reasonOf(await engine.submit(hold(user, `hold-${user}`, HOUR_US))), "ok");
    }
    await whileLocked(["locked-1"], async () => {
      await sql`update reservations set expires_at = clock_timestamp() where state = 'HELD'`.execute(
        database.kysely,
      );
      assert.equal(await held("free"), 0n);
      assert.equal(await held("team"), 0n);
      assert.equal(reasonOf(await engine.submit(charge("free"))), "ok");
      // The row is locked, so the hold cannot be ended: it still counts, and the reader does not wait.
      assert.equal(await held("locked-1"), 10n);
      assert.equal(
        (await reader.listUsers({ project: PROJECT, prefix: "", after: undefined, limit: 10 })).more,
        false,
      );
    });
    assert.equal(await held("locked-1"), 0n);
    await assertConserved(database.kysely);
  });

  it("do not keep other budgets of their project from ending more holds than one transaction ends", async () => {
    const holds = Array.from({ length: 1_200 }, (_, n) => engine.submit(hold("locked-2", `many-${n}`, 1n)));
    await Promise.all(holds);
    const charged = engine.submit(charge("locked-2"));
    assert.equal(reasonOf(await engine.submit(charge("free"))), "ok");
    const verdict = await charged;
    assert.equal(verdict.ok && verdict.budget.heldNanoUsd, 0n);
    await assertConserved(database.kysely);
    assert.deepEqual(defects, []);
  });

  it("do not hide the expired holds of other budgets behind more of their own than one transaction ends", async () => {
    const holds = Array.from({ length: 600 }, (_, n) =>
      engine.submit(hold("locked-1", `hiding-${n}`, HOUR_US)),
    );
    await Promise.all([...holds, engine.submit(hold("free", "hidden", HOUR_US))]);
    // Nothing that earlier tests left ends these holds meanwhile.
    await engine.drain();
    await sql`update reservations set expires_at = clock_timestamp() -
      case when user_id = 'free' then interval '1 second' else interval '1 hour' end
      where state = 'HELD'`.execute(database.kysely);
    await whileLocked(["locked-1"], async () => {
      assert.equal(await engine.endExpired({ project: PROJECT }), 1);
    });
    assert.equal(await engine.endExpired({ project: PROJECT }), 600);
    await assertConserved(database.kysely);
  });

  it("refuse a charge that names an expired hold of another budget, and nothing restarts for it", async () => {
    assert.equal(reasonOf(await engine.submit(hold("locked-3", "theirs", HOUR_US))), "ok");
    await sql`update reservations set expires_at = clock_timestamp() where state = 'HELD'`.execute(
      database.kysely,
    );
    const verdict = await engine.submit({ ...charge("free"), reservationId: "theirs" } as Operation);
    assert.equal(reasonOf(verdict), "RESERVATION_NOT_FOUND");
    assert.deepEqual(defects, []);
  });

  it("do not delay an operation that waits for the id of an uncommitted session for ever, nor its neighbours", async () => {
    await database.unlimited.transaction().execute(async (transaction) => {
      await sql`insert into budgets (project, user_id, total_nano_usd, period_id, period_start, creation_fingerprint,
        created_at, updated_at) values ('p', 'uncommitted', 1, 1, now(), '', now(), now())`.execute(
        transaction,
      );
      const verdicts = await Promise.all([
        engine.submit(charge("free")),
        create("uncommitted"),
        engine.submit(charge("free")),
      ]);
      assert.deepEqual(verdicts.map(reasonOf), ["ok", "STORE_UNAVAILABLE", "ok"]);
    });
    assert.deepEqual(defects, []);
  });
});
