import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Entry } from "../../../src/domain/entry.ts";
import { NANO_USD_MIN } from "../../../src/domain/money.ts";
import { decideBatch } from "../../../src/engine/commit/batch.ts";
import { decide } from "../../../src/engine/commit/decide.ts";
import { budgetOf, chargeOf, DAY_US, entryOf, reasonOf, refundOf, stateOf } from "../../support/decisions.ts";

const path = [
  budgetOf({ parent: "team", spentNanoUsd: 100n }),
  budgetOf({ user: "team", spentNanoUsd: 300n }),
] as const;
const charged = (entry: Partial<Entry> = {}, refundedNanoUsd = 0n) => ({
  entry: entryOf(entry),
  refundedNanoUsd,
});

describe("a refund", () => {
  it("takes the whole rest of a charge back on each level, and adds a correction to the ledger", () => {
    const facts = { path, charged: charged({ reservationId: "hold" }, 30n) };
    const decision = decide(facts, refundOf(undefined), 20n);
    assert.deepEqual(
      decision.path.map(({ spentNanoUsd }) => spentNanoUsd),
      [30n, 230n],
    );
    assert.deepEqual(
      decision.entries[0]?.entry,
      entryOf({
        requestId: "refund",
        fingerprint: "f-refund",
        kind: "CORRECTION",
        source: "REFUND",
        costNanoUsd: -70n,
        reservationId: "hold",
        correctsRequestId: "charge",
        ancestors: ["team"],
        spentAfterNanoUsd: 30n,
        createdAtUs: 20n,
      }),
    );
    assert.equal(decision.reservation, undefined);
  });

  it("takes a part back, up to what is left, and not one nano-USD more", () => {
    const facts = { path, charged: charged({}, 30n) };
    assert.equal(decide(facts, refundOf(70n), 20n).entries[0]?.entry.costNanoUsd, -70n);
    assert.equal(decide(facts, refundOf(1n), 20n).entries[0]?.entry.costNanoUsd, -1n);
    const { verdict, path: after } = decide(facts, refundOf(71n), 20n);
    assert.ok(!verdict.ok && verdict.error.reason === "REFUND_EXCEEDS_CHARGE");
    assert.equal(verdict.error.leftNanoUsd, 70n);
    assert.equal(after, path);
  });

  it("is refused when nothing of the charge is left, even if it asks for the rest, or for nothing", () => {
    const facts = { path, charged: charged({}, 100n) };
    for (const amount of [undefined, 0n]) {
      assert.equal(reasonOf(decide(facts, refundOf(amount), 20n).verdict), "REFUND_EXCEEDS_CHARGE");
    }
  });

  it("is refused when the charge is unknown, no charge, another user's, or from before the budget was created", () => {
    const created = (createdAtUs: bigint) => [budgetOf({ createdAtUs, spentNanoUsd: 100n })];
    const unknown = [
      { path, charged: undefined },
      { path, charged: charged({ kind: "RESET" }) },
      { path, charged: charged({ kind: "CORRECTION" }) },
      { path, charged: charged({ user: "bob" }) },
      { path: created(11n), charged: charged({ createdAtUs: 10n }) },
    ];
    for (const facts of unknown) {
      const { verdict } = decide(facts, refundOf(1n), 20n);
      assert.deepEqual(verdict, {
        ok: false,
        error: { reason: "CHARGE_NOT_FOUND", project: "p", requestId: "charge" },
      });
    }
    const facts = { path: created(10n), charged: charged({ createdAtUs: 10n }) };
    assert.equal(reasonOf(decide(facts, refundOf(1n), 20n).verdict), "ok");
  });

  it("leaves ancestors alone that were created after the charge", () => {
    const later = budgetOf({ user: "team", createdAtUs: 11n, spentNanoUsd: 300n });
    const decision = decide({ path: [path[0], later], charged: charged() }, refundOf(undefined), 20n);
    assert.deepEqual(
      decision.path.map(({ user }) => user),
      ["alice"],
    );
    assert.deepEqual(decision.entries[0]?.entry.ancestors, []);
  });

  it("counts in the current period, even if the charge was made in an earlier one", () => {
    const decision = decide({ path, charged: charged() }, refundOf(undefined), DAY_US);
    assert.deepEqual(
      decision.path.map(({ spentNanoUsd }) => spentNanoUsd),
      [-100n, -100n],
    );
    assert.deepEqual(
      decision.closed.map(({ user, spentNanoUsd }) => [user, spentNanoUsd]),
      [
        ["alice", 100n],
        ["team", 300n],
      ],
    );
  });

  it("frees the limits of the charge's model, and is refused when an amount would leave the 64-bit range", () => {
    const limit = { limitNanoUsd: 1_000n, spentNanoUsd: 100n, heldNanoUsd: 0n };
    const modelLimits = [
      { model: "m", ...limit },
      { model: "n", ...limit },
    ];
    const decision = decide({ path: [budgetOf({ modelLimits })], charged: charged() }, refundOf(60n), 20n);
    assert.deepEqual(
      decision.path[0]?.modelLimits.map(({ spentNanoUsd }) => spentNanoUsd),
      [40n, 100n],
    );
    const low = [budgetOf({ parent: "team" }), budgetOf({ user: "team", spentNanoUsd: NANO_USD_MIN + 1n })];
    const { verdict, path: after } = decide({ path: low, charged: charged() }, refundOf(60n), 20n);
    assert.ok(!verdict.ok && verdict.error.reason === "AMOUNT_OVERFLOW");
    assert.equal(verdict.error.user, "team");
    assert.equal(after, low);
  });

  it("is answered from the ledger when it is requested again", () => {
    const entry = entryOf({ kind: "CORRECTION", fingerprint: "f-refund", spentAfterNanoUsd: 3n });
    const { verdict } = decide({ path, entry, charged: charged({}, 100n) }, refundOf(undefined), 20n);
    assert.ok(verdict.ok && verdict.replayed);
    assert.deepEqual([verdict.budget.spentNanoUsd, verdict.entry], [3n, entry]);
  });
});

describe("the refunds of a batch", () => {
  const charges = new Map([["p\0charge", { entry: entryOf({ ancestors: ["team"] }), refundedNanoUsd: 10n }]]);
  const refund = (amount: bigint | undefined, requestId: string) =>
    refundOf(amount, { requestId, chargedAncestors: ["team", "gone"] });

  it("take back each nano-USD of a charge once, on the ancestors that are still there", () => {
    const operations = [refund(50n, "a"), refund(50n, "b"), refund(undefined, "c"), refund(undefined, "d")];
    const { verdicts, changes } = decideBatch(operations, stateOf(path, { charges }));
    assert.deepEqual(verdicts.map(reasonOf), ["ok", "REFUND_EXCEEDS_CHARGE", "ok", "REFUND_EXCEEDS_CHARGE"]);
    assert.deepEqual(
      changes.entries.map(({ costNanoUsd, ancestors }) => [costNanoUsd, ancestors]),
      [
        [-50n, ["team"]],
        [-40n, ["team"]],
      ],
    );
  });

  it("can name a charge of the same batch", () => {
    const operations = [
      chargeOf(30n),
      refundOf(20n, { chargeId: "r1", requestId: "a" }),
      refundOf(20n, { chargeId: "r1", requestId: "b" }),
      refundOf(1n, { chargeId: "unknown", requestId: "c" }),
    ];
    const { verdicts } = decideBatch(operations, stateOf([budgetOf()]));
    assert.deepEqual(verdicts.map(reasonOf), ["ok", "ok", "REFUND_EXCEEDS_CHARGE", "CHARGE_NOT_FOUND"]);
  });

  it("are refused for a budget that does not exist", () => {
    const { verdicts } = decideBatch([refund(1n, "a")], stateOf([path[1]], { charges }));
    assert.deepEqual(verdicts.map(reasonOf), ["BUDGET_NOT_FOUND"]);
  });

  it("do not need the parents of the ancestors on which the charge counted", () => {
    const moved = [budgetOf(), budgetOf({ user: "team", parent: "not-locked" })];
    const { verdicts } = decideBatch([refund(1n, "a")], stateOf(moved, { charges, nowUs: DAY_US }));
    assert.deepEqual(verdicts.map(reasonOf), ["ok"]);
  });
});
