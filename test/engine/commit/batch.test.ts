import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Budget } from "../../../src/domain/budget.ts";
import {
  decideBatch,
  type LockedState,
  projectRecordKey,
  UnlockedParent,
} from "../../../src/engine/commit/batch.ts";
import type { Operation, Post } from "../../../src/engine/commit/operation.ts";
import type { RecordRow } from "../../../src/store/legacy-records.ts";
import {
  budgetOf,
  chargeOf,
  createOf,
  entryOf,
  expireOf,
  reasonOf,
  reservationOf,
  reserveOf,
  resetOf,
  stateOf,
} from "../../support/decisions.ts";

const family = [
  budgetOf({ parent: "team" }),
  budgetOf({ user: "bob", parent: "team" }),
  budgetOf({ user: "team" }),
];
const update = (totalNanoUsd: bigint): Operation => ({
  kind: "update",
  project: "p",
  user: "alice",
  change: { totalNanoUsd },
  actor: "test",
});
const remove = (user: string): Operation => ({ kind: "delete", project: "p", user, actor: "test" });

/** The changed budgets by the columns to write, with the amounts spent. */
const writtenBy = (operations: readonly Operation[], state: LockedState) => {
  const { verdicts, changes } = decideBatch(operations, state);
  const spent = (budgets: readonly Budget[]) =>
    budgets.map((budget) => `${budget.user} ${budget.spentNanoUsd}`).toSorted();
  const { budgets, settings, created, deleted } = changes;
  return {
    reasons: verdicts.map(reasonOf),
    balances: spent(budgets),
    settings: spent(settings),
    created: spent(created),
    deleted: spent(deleted),
  };
};
const NOTHING = { balances: [], settings: [], created: [], deleted: [] };

describe("the rows of a batch", () => {
  it("contain each budget once, in its last state", () => {
    const operations = [
      chargeOf(1n),
      chargeOf(2n, { user: "bob", requestId: "r2" }),
      chargeOf(4n, { requestId: "r3" }),
    ];
    assert.deepEqual(writtenBy(operations, stateOf(family)), {
      ...NOTHING,
      reasons: ["ok", "ok", "ok"],
      balances: ["alice 5", "bob 2", "team 7"],
    });
  });

  it("write all columns that any operation of the batch needs, and only the balances of ancestors", () => {
    const settled = [chargeOf(1n), update(500n), chargeOf(2n, { requestId: "r2" })];
    assert.deepEqual(writtenBy(settled, stateOf(family)), {
      ...NOTHING,
      reasons: ["ok", "ok", "ok"],
      balances: ["team 3"],
      settings: ["alice 3"],
    });
    const created = [
      createOf({ user: "carol", parent: "team" }),
      chargeOf(1n, { user: "carol" }),
      update(5n),
    ];
    assert.deepEqual(writtenBy([...created, { ...update(9n), user: "carol" }], stateOf(family)), {
      ...NOTHING,
      reasons: ["ok", "ok", "ok", "ok"],
      balances: ["team 1"],
      settings: ["alice 0"],
      created: ["carol 1"],
    });
  });

  it("contain a deleted budget, which later operations of the batch do not find", () => {
    const state = stateOf([budgetOf({ spentNanoUsd: 3n })]);
    assert.deepEqual(writtenBy([remove("alice"), chargeOf(1n)], state), {
      ...NOTHING,
      reasons: ["ok", "BUDGET_NOT_FOUND"],
      deleted: ["alice 3"],
    });
  });

  it("do not contain a budget whose operations were refused or repeated", () => {
    const entries = new Map([["p\0r1", entryOf({ fingerprint: "f1" })]]);
    const operations = [chargeOf(1n), chargeOf(2n ** 63n - 1n, { requestId: "r2" }), remove("nobody")];
    const full = [budgetOf({ spentNanoUsd: 10n })];
    assert.deepEqual(writtenBy(operations, stateOf(full, { entries })), {
      ...NOTHING,
      reasons: ["ok", "AMOUNT_OVERFLOW", "BUDGET_NOT_FOUND"],
    });
  });

  it("contain one cost for each level, period and model", () => {
    const operations = [
      chargeOf(1n),
      chargeOf(2n, { requestId: "r2" }),
      chargeOf(4n, { requestId: "r3", model: "n" }),
      chargeOf(8n, { requestId: "r4", user: "bob" }),
      resetOf({ requestId: "r5" }),
      chargeOf(16n, { requestId: "r6" }),
    ];
    const { changes } = decideBatch(operations, stateOf(family));
    assert.deepEqual(
      changes.modelCosts.map(({ user, periodId, model, costNanoUsd }) => [
        user,
        periodId,
        model,
        costNanoUsd,
      ]),
      [
        ["alice", 0n, "m", 3n],
        ["team", 0n, "m", 27n],
        ["alice", 0n, "n", 4n],
        ["team", 0n, "n", 4n],
        ["bob", 0n, "m", 8n],
        ["alice", 23n, "m", 16n],
      ],
    );
    assert.deepEqual(
      changes.closed.map(({ user, spentNanoUsd }) => [user, spentNanoUsd]),
      [["alice", 7n]],
    );
  });

  it("contain the new memory of a record, as a new row only if none was stored", () => {
    const row = (user: string, raisedUs: bigint): RecordRow => ({
      session: "s",
      user,
      isHandedOut: true,
      seenUs: 0n,
      memory: {
        costs: new Map(),
        raisedUs,
        begunUs: undefined,
        costsBefore: new Map(),
        beginnings: 0,
        lastUpdatedUs: undefined,
        totalNanoUsd: 1n,
        durationDays: undefined,
      },
    });
    const post = (user: string, before: RecordRow | undefined, after: RecordRow): Post => ({
      kind: "post",
      project: "p",
      user,
      steps: [],
      before,
      after,
      windowStartUs: 0n,
    });
    const records = new Map([[projectRecordKey("p", row("bob", 1n)), row("bob", 1n)]]);
    const operations = [
      post("alice", undefined, row("alice", 2n)),
      post("alice", row("alice", 2n), row("alice", 3n)),
      post("bob", row("bob", 1n), row("bob", 2n)),
      // Its memory is no longer the stored one.
      post("bob", row("bob", 1n), row("bob", 9n)),
    ];
    const { verdicts, changes } = decideBatch(operations, stateOf(family, { records }));
    assert.deepEqual(
      verdicts.map((verdict) => verdict.ok && verdict.changed),
      [true, true, true, false],
    );
    assert.deepEqual(changes.records, [
      { project: "p", row: row("alice", 3n), isNew: true },
      { project: "p", row: row("bob", 2n), isNew: false },
    ]);
  });
});

describe("an operation of a batch", () => {
  it("sees the reservations that earlier ones have opened and ended", () => {
    const release: Operation = { kind: "release", project: "p", user: "alice", reservationId: "hold" };
    const settle = chargeOf(5n, { reservationId: "hold" });
    const { verdicts, changes } = decideBatch(
      [reserveOf(50n), reserveOf(50n), settle, release],
      stateOf(family),
    );
    assert.deepEqual(verdicts.map(reasonOf), ["ok", "ok", "ok", "RESERVATION_CLOSED"]);
    assert.equal(verdicts[1]?.ok && verdicts[1].replayed, true);
    assert.deepEqual(
      changes.reservations.map(({ reservation, isNew }) => [reservation.state, isNew]),
      [
        ["HELD", true],
        ["SETTLED", false],
      ],
    );
    assert.equal(changes.budgets.find(({ user }) => user === "team")?.heldNanoUsd, 0n);
  });

  it("is refused when its id is that of a reservation, or its reservation that of an entry", () => {
    const operations = [reserveOf(5n), chargeOf(1n, { requestId: "hold" }), resetOf({ requestId: "hold" })];
    const { verdicts } = decideBatch(operations, stateOf(family));
    assert.deepEqual(verdicts.map(reasonOf), ["ok", "REQUEST_ID_REUSED", "REQUEST_ID_REUSED"]);
    const reversed = decideBatch([chargeOf(1n, { requestId: "hold" }), reserveOf(5n)], stateOf(family));
    assert.deepEqual(reversed.verdicts.map(reasonOf), ["ok", "REQUEST_ID_REUSED"]);
  });

  it("shares no request id with other projects", () => {
    const other = budgetOf({ project: "q" });
    const { verdicts } = decideBatch(
      [chargeOf(1n), chargeOf(2n, { project: "q" })],
      stateOf([...family, other]),
    );
    assert.deepEqual(
      verdicts.map((verdict) => verdict.ok && [verdict.replayed, verdict.budget.spentNanoUsd]),
      [
        [false, 1n],
        [false, 2n],
      ],
    );
  });

  it("ends an expired hold before the operations that follow", () => {
    const held = [budgetOf({ heldNanoUsd: 100n, totalNanoUsd: 100n })];
    const reservations = new Map([["p\0hold", reservationOf({ expiresAtUs: 15n })]]);
    const operations = [expireOf(), reserveOf(100n, { requestId: "next" })];
    const { verdicts } = decideBatch(operations, stateOf(held, { reservations }));
    assert.deepEqual(verdicts.map(reasonOf), ["ok", "ok"]);
  });

  it("can be below a budget that an earlier one has created, and not below one that does not exist", () => {
    const operations = [
      createOf({ user: "carol", parent: "team" }),
      createOf({ user: "dave", parent: "carol" }),
      createOf({ user: "erin", parent: "nobody" }),
      chargeOf(3n, { user: "dave" }),
    ];
    const { verdicts, changes } = decideBatch(operations, stateOf(family));
    assert.deepEqual(verdicts.map(reasonOf), ["ok", "ok", "PARENT_NOT_FOUND", "ok"]);
    assert.deepEqual(changes.entries[0]?.ancestors, ["carol", "team"]);
  });

  it("cannot be decided while the parent of a budget on its path is not locked", () => {
    const orphan = stateOf([budgetOf({ parent: "team" })]);
    assert.throws(() => decideBatch([chargeOf(1n)], orphan), UnlockedParent);
    assert.throws(() => decideBatch([createOf({ user: "carol", parent: "alice" })], orphan), UnlockedParent);
  });
});
