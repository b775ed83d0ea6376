import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { sql } from "kysely";
import { Failure, type Refusal } from "../../../src/domain/errors.ts";
import type { Operation } from "../../../src/engine/commit/operation.ts";
import { createPageReads } from "../../../src/engine/page-reads.ts";
import { createReader } from "../../../src/engine/read/reader.ts";
import type { Store } from "../../../src/store/store.ts";
import { budgetOf, chargeOf, createOf, refundOf, reserveOf } from "../../support/decisions.ts";
import { type Inside, passTime, startInside } from "../../support/engine.ts";

const DAILY = { unit: "DAY", count: 1, timeZone: "UTC", anchorUs: undefined } as const;
const HOUR_US = 3_600_000_000n;
const YEAR_2096_US = 4_000_000_000_000_000n;
const DAY_US = 24n * HOUR_US;

const failsWith = (reason: string) => (thrown: unknown) =>
  thrown instanceof Failure && thrown.error.reason === reason;

describe("the reader", () => {
  let inside: Inside;
  before(async () => void (inside = await startInside()));
  after(() => inside[Symbol.asyncDispose]());

  const submit = async (operation: Operation) => {
    const verdict = await inside.engine.submit(operation);
    assert.ok(
      verdict.ok,
      JSON.stringify(verdict, (_, value) => (typeof value === "bigint" ? `${value}` : value)),
    );
    return verdict;
  };
  /** Makes a daily budget, below `parent` if it is given. */
  const create = (project: string, user: string, parent?: string) =>
    submit(createOf({ project, user, parent, period: DAILY, totalNanoUsd: 1_000n }));
  const refusalOf = (project: string, user: string): Refusal => ({
    project,
    user,
    model: "m",
    amountNanoUsd: 1n,
    remainingNanoUsd: 0n,
    levels: [],
  });
  /** Moves the expiry of a hold, as if it had been opened for this long. */
  const expireIn = (project: string, id: string, span: string) =>
    sql`update reservations set expires_at = clock_timestamp() + ${span}::text::interval
      where project = ${project} and reservation_id = ${id}`.execute(inside.kysely);

  it("shows each level of a budget in its current period, also when nothing was written since the last one", async () => {
    const project = "levels";
    await create(project, "org");
    await create(project, "alice", "org");
    await submit(chargeOf(5n, { project }));
    await passTime(inside.kysely, project, 48);
    const { budget, levels, nextFreeUs } = await inside.reader.levels({ project, user: "alice" });
    assert.deepEqual(
      levels.map((level) => [level.budget.user, level.budget.spentNanoUsd, level.openReservations]),
      [
        ["alice", 0n, 0n],
        ["org", 0n, 0n],
      ],
    );
    const { modelCosts } = await inside.reader.current({ project, user: "alice" });
    assert.deepEqual(modelCosts, new Map(), "the costs of the period that has ended");
    const ends = levels.map((level) => level.budget.periodEndUs ?? 0n);
    const { nowUs } = await inside.reader.current({ project, user: "alice" });
    for (const endUs of ends) assert.ok(endUs > nowUs && endUs <= nowUs + DAY_US);
    assert.equal(budget, levels[0]?.budget);
    assert.equal(nextFreeUs, ends.toSorted((a, b) => (a < b ? -1 : 1))[0]);
  });

  it("says when the first hold or period of any level ends", async () => {
    const project = "next-free";
    await create(project, "org");
    await create(project, "alice", "org");
    await create(project, "bob", "org");
    const held = await submit(reserveOf(7n, { project, requestId: "short", user: "bob", ttlUs: HOUR_US }));
    await submit(reserveOf(1n, { project, requestId: "long", ttlUs: 2n * HOUR_US }));
    const { levels, nextFreeUs } = await inside.reader.levels({ project, user: "alice" });
    assert.equal(nextFreeUs, held.reservation?.expiresAtUs);
    assert.deepEqual(
      levels.map((level) => [level.openReservations, level.nextExpireUs === nextFreeUs]),
      [
        [1n, false],
        [2n, true],
      ],
    );
    await submit(createOf({ project: "never-free" }));
    const never = await inside.reader.levels({ project: "never-free", user: "alice" });
    assert.deepEqual([never.levels.length, never.nextFreeUs], [1, undefined]);
  });

  it("ends expired holds before it shows a budget, a list of budgets, entries, periods or reservations", async () => {
    const project = "expired";
    await create(project, "alice");
    const page = { project, limit: 10, before: undefined };
    const reads: [string, () => Promise<unknown>][] = [
      ["current", () => inside.reader.current({ project, user: "alice" })],
      ["levels", () => inside.reader.levels({ project, user: "alice" })],
      ["users", () => inside.reader.listUsers({ project, prefix: "", after: undefined, limit: 10 })],
      [
        "entries",
        () => inside.reader.listCostEntries({ ...page, user: "alice", startUs: undefined, endUs: undefined }),
      ],
      ["periods", () => inside.reader.listPeriods({ ...page, user: "alice" })],
      [
        "reservations",
        () =>
          inside.reader.listReservations({
            project,
            user: undefined,
            states: [],
            after: undefined,
            limit: 10,
          } as unknown as Parameters<typeof inside.reader.listReservations>[0]),
      ],
    ];
    for (const [id, read] of reads) {
      await submit(reserveOf(7n, { project, requestId: id, ttlUs: HOUR_US }));
      await expireIn(project, id, "0");
      await read();
      const { rows } = await sql<{ state: string; held: bigint }>`
        select r.state, b.held_nano_usd as held from reservations r
        join budgets b on b.project = r.project and b.user_id = r.user_id
        where r.project = ${project} and r.reservation_id = ${id}`.execute(inside.kysely);
      assert.deepEqual(rows, [{ state: "EXPIRED", held: 0n }], id);
    }
  });

  it("lists budgets in their current periods, and says whether there are more", async () => {
    const project = "users";
    for (const user of ["a1", "a2", "b1"]) await create(project, user);
    await submit(chargeOf(5n, { project, user: "a1" }));
    await passTime(inside.kysely, project, 48);
    const list = async (limit: number, prefix = "", after?: string) => {
      const { items, more } = await inside.reader.listUsers({ project, prefix, after, limit });
      return [...items.map(({ user, spentNanoUsd }) => `${user} ${spentNanoUsd}`), more];
    };
    assert.deepEqual(await list(3), ["a1 0", "a2 0", "b1 0", false]);
    assert.deepEqual(await list(2), ["a1 0", "a2 0", true]);
    assert.deepEqual(await list(2, "a"), ["a1 0", "a2 0", false]);
    assert.deepEqual(await list(2, "", "a2"), ["b1 0", false]);
  });

  it("lists a period that has ended and is not recorded yet, once and on the first page only", async () => {
    const project = "periods";
    await create(project, "alice");
    for (const [requestId, cost] of [
      ["first", 5n],
      ["second", 6n],
      ["third", 7n],
    ] as const) {
      await submit(chargeOf(cost, { project, requestId }));
      await passTime(inside.kysely, project, 24);
    }
    const list = async (limit: number, before?: bigint) => {
      const { items, more } = await inside.reader.listPeriods({ project, user: "alice", before, limit });
      return {
        spent: items.map(({ modelCosts }) => modelCosts.get("m")),
        more,
        last: items.at(-1)?.periodId,
      };
    };
    const first = await list(2);
    assert.deepEqual([first.spent, first.more], [[7n, 6n], true]);
    const second = await list(2, first.last);
    assert.deepEqual([second.spent, second.more], [[5n], false]);
    await submit(chargeOf(1n, { project, requestId: "fourth" }));
    assert.deepEqual((await list(10)).spent, [7n, 6n, 5n]);
    await assert.rejects(
      inside.reader.listPeriods({ project, user: "nobody", before: undefined, limit: 1 }),
      failsWith("BUDGET_NOT_FOUND"),
    );
  });

  it("lists a period once that is recorded while it reads", async () => {
    const project = "recorded";
    await create(project, "alice");
    await submit(chargeOf(5n, { project }));
    await passTime(inside.kysely, project, 24);
    let isRecorded = false;
    const read: Store["read"] = async (work) => {
      const result = await inside.store.read(work);
      const isBudget = typeof result === "object" && result !== null && "budget" in result;
      if (isBudget && !isRecorded) {
        isRecorded = true;
        await submit({ kind: "roll", project, user: "alice" });
      }
      return result;
    };
    const pageReads = createPageReads();
    const reader = createReader({ store: { ...inside.store, read }, engine: inside.engine, pageReads });
    const page = { project, user: "alice", before: undefined, limit: 10 };
    const { items } = await reader.listPeriods(page);
    assert.deepEqual([isRecorded, items.length], [true, 1]);
  });

  it("knows a user by a budget or by entries, and no other", async () => {
    const project = "known";
    const list = (user: string | undefined, startUs?: bigint) =>
      inside.reader.listCostEntries({
        project,
        user,
        startUs,
        endUs: undefined,
        before: undefined,
        limit: 10,
      });
    assert.deepEqual(await list(undefined), { items: [], more: false });
    await assert.rejects(list("alice"), failsWith("BUDGET_NOT_FOUND"));
    await create(project, "alice");
    assert.deepEqual(await list("alice"), { items: [], more: false });
    await submit(chargeOf(5n, { project }));
    await submit({ kind: "delete", project, user: "alice", actor: "test" });
    assert.equal((await list("alice")).items.length, 1);
    // Entries outside of the range show that the user is known, too.
    assert.deepEqual(await list("alice", YEAR_2096_US), { items: [], more: false });
    await assert.rejects(inside.reader.current({ project, user: "alice" }), failsWith("BUDGET_NOT_FOUND"));
  });

  it("finds a charge, and neither a refund nor an unknown id", async () => {
    const project = "charges";
    await create(project, "alice");
    await submit(chargeOf(5n, { project, requestId: "charge" }));
    await submit(refundOf(2n, { project }));
    assert.equal((await inside.reader.findCharge({ project, requestId: "charge" })).costNanoUsd, 5n);
    for (const requestId of ["refund", "unknown"]) {
      await assert.rejects(inside.reader.findCharge({ project, requestId }), failsWith("CHARGE_NOT_FOUND"));
    }
    await submit(reserveOf(5n, { project, ttlUs: HOUR_US }));
    const found = await inside.reader.findReservation({ project, reservationId: "hold" });
    assert.equal(found.user, "alice");
    await assert.rejects(
      inside.reader.findReservation({ project, reservationId: "unknown" }),
      failsWith("RESERVATION_NOT_FOUND"),
    );
  });

  it("gives the milliseconds until a budget's period or its first hold ends, rounded up", async () => {
    const project = "retry";
    assert.equal(await inside.reader.retryAfterMs(refusalOf(project, "nobody")), undefined);
    await submit(createOf({ project, user: "forever" }));
    assert.equal(await inside.reader.retryAfterMs(refusalOf(project, "forever")), undefined);
    await create(project, "alice");
    const untilMs = async (): Promise<number> =>
      (await inside.reader.retryAfterMs(refusalOf(project, "alice"))) ?? -1;
    const day = await untilMs();
    assert.ok(day > 86_400_000 - 600_000 && day <= 86_400_000, `${day} ms`);
    await submit(reserveOf(7n, { project, ttlUs: HOUR_US }));
    const hour = await untilMs();
    assert.ok(hour > 3_600_000 - 600_000 && hour <= 3_600_000, `${hour} ms`);
    await submit(chargeOf(7n, { project, reservationId: "hold" }));
    // The period ends before the hold expires.
    await submit(reserveOf(7n, { project, requestId: "long", ttlUs: 3n * DAY_US }));
    assert.ok((await untilMs()) > hour, "it waits for the hold of an hour, which has ended");
    assert.ok((await untilMs()) <= day, "it waits for the hold of three days");
    // The stored period has ended: there may be room at once.
    await passTime(inside.kysely, project, 48);
    assert.equal(await untilMs(), 1);
  });

  it("rounds the wait up to whole milliseconds, and gives at least one", async () => {
    const waits: [leftUs: bigint, ms: number][] = [
      [2_001n, 3],
      [2_000n, 2],
      [1_001n, 2],
      [1_000n, 1],
      [1n, 1],
      [0n, 1],
      [-5_000n, 1],
    ];
    for (const [leftUs, ms] of waits) {
      const budget = budgetOf({ periodEndUs: 50n + leftUs });
      const answers = [
        { budget, nowUs: 50n },
        { count: 0n, firstEndUs: undefined },
      ];
      const read = async () => answers.shift();
      const reader = createReader({
        store: { read } as unknown as Store,
        engine: inside.engine,
        pageReads: createPageReads(),
      });
      assert.equal(await reader.retryAfterMs(refusalOf("p", "alice")), ms, `${leftUs} microseconds`);
    }
  });

  it("reads budgets that are asked for at the same time with few statements, each for its own caller", async () => {
    const project = "grouped";
    for (const user of ["a", "b"]) await create(project, user);
    const asked = Array.from({ length: 60 }, (_, n) => ["a", "b", "nobody"][n % 3] as string);
    const answers = await Promise.allSettled(asked.map((user) => inside.reader.current({ project, user })));
    assert.deepEqual(
      answers.map((answer) => (answer.status === "fulfilled" ? answer.value.budget.user : "nobody")),
      asked,
    );
  });
});
