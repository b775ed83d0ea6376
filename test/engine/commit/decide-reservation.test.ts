import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Reservation } from "../../../src/domain/reservation.ts";
import { decide } from "../../../src/engine/commit/decide.ts";
import type { Decision } from "../../../src/engine/commit/decision.ts";
import type { Extend, Release } from "../../../src/engine/commit/operation.ts";
import {
  budgetOf,
  chargeOf,
  DAY_US,
  entryOf,
  expireOf,
  reasonOf,
  reservationOf,
  reserveOf,
} from "../../support/decisions.ts";

const named = { project: "p", user: "alice", reservationId: "hold" };
const release: Release = { kind: "release", ...named };
const extend: Extend = { kind: "extend", ...named, ttlUs: 500n };

/** A budget and its parent, on which the reservation of `reservationOf` is held. */
const held = [
  budgetOf({ parent: "team", spentNanoUsd: 7n, heldNanoUsd: 150n }),
  budgetOf({ user: "team", spentNanoUsd: 9n, heldNanoUsd: 100n, updatedAtUs: 15n }),
] as const;

const amountsOf = ({ path }: Decision): bigint[][] =>
  path.map(({ spentNanoUsd, heldNanoUsd }) => [spentNanoUsd, heldNanoUsd]);

/** A decision that changed no budget and writes no row. */
function assertNothingWritten(decision: Decision, path: readonly unknown[]): void {
  for (const [level, budget] of decision.path.entries()) assert.equal(budget, path[level]);
  const { entries, reservation, closed } = decision;
  assert.deepEqual({ entries, reservation, closed }, { entries: [], reservation: undefined, closed: [] });
}

const CLOSED = ["SETTLED", "RELEASED", "EXPIRED"] as const;

describe("a reservation", () => {
  it("holds its amount on each level, and is opened at the instant of the latest of them", () => {
    const decision = decide({ path: held }, reserveOf(30n), 12n);
    assert.ok(decision.verdict.ok && !decision.verdict.replayed && decision.verdict.changed);
    assert.deepEqual(amountsOf(decision), [
      [7n, 180n],
      [9n, 130n],
    ]);
    const opened: Reservation = reservationOf({
      heldNanoUsd: 30n,
      ancestors: ["team"],
      createdAtUs: 16n,
      expiresAtUs: 76n,
    });
    assert.deepEqual(decision.reservation, { reservation: opened, isNew: true });
    assert.deepEqual(decision.verdict.reservation, opened);
    assert.deepEqual(decision.entries, []);
  });

  it("is refused when it does not fit, or when an error was found before, and changes nothing", () => {
    const much = decide({ path: held }, reserveOf(2_000_000_000n), 20n);
    assert.equal(reasonOf(much.verdict), "BUDGET_EXCEEDED");
    assertNothingWritten(much, held);
    const refusal = { reason: "UNPRICED_MODEL", model: "m", nearest: [] } as const;
    const unpriced = decide({ path: held }, reserveOf(1n, { refusal }), 20n);
    assert.equal(reasonOf(unpriced.verdict), "UNPRICED_MODEL");
    assertNothingWritten(unpriced, held);
  });

  it("is answered in its current state when it is requested again", () => {
    const openedReservation = reservationOf({ state: "RELEASED" });
    const again = decide({ path: held, openedReservation }, reserveOf(30n), DAY_US);
    assert.ok(again.verdict.ok && again.verdict.replayed && !again.verdict.changed);
    assert.equal(again.verdict.reservation, openedReservation);
    assert.equal(again.verdict.budget.spentNanoUsd, 0n, "the budget is shown in its current period");
    assertNothingWritten(again, held);
  });

  it("is refused when its id is that of another reservation or of an entry", () => {
    const facts = [
      { openedReservation: reservationOf({ fingerprint: "other" }) },
      { entry: entryOf({ fingerprint: "f-hold" }) },
      { entry: entryOf(), openedReservation: reservationOf() },
    ];
    for (const each of facts) {
      const decision = decide({ path: held, ...each }, reserveOf(30n), 20n);
      assert.equal(reasonOf(decision.verdict), "REQUEST_ID_REUSED");
      assertNothingWritten(decision, held);
    }
  });
});

describe("a release", () => {
  it("frees the amount on each level, and charges nothing", () => {
    const decision = decide({ path: held, reservation: reservationOf() }, release, 20n);
    assert.deepEqual(amountsOf(decision), [
      [7n, 50n],
      [9n, 0n],
    ]);
    const released = reservationOf({ state: "RELEASED", closedAtUs: 20n });
    assert.deepEqual(decision.reservation, { reservation: released, isNew: false });
    assert.deepEqual(decision.entries, []);
    assert.ok(decision.verdict.ok && decision.verdict.changed);
    assert.equal(decision.verdict.reservation?.state, "RELEASED");
  });

  it("succeeds again for a released reservation, and is refused for one that ended otherwise or is unknown", () => {
    const answers = [...CLOSED.map((state) => reservationOf({ state })), undefined].map((reservation) => {
      const decision = decide({ path: held, reservation }, release, 20n);
      assertNothingWritten(decision, held);
      return reasonOf(decision.verdict);
    });
    assert.deepEqual(answers, ["RESERVATION_CLOSED", "ok", "RESERVATION_CLOSED", "RESERVATION_NOT_FOUND"]);
    const again = decide({ path: held, reservation: reservationOf({ state: "RELEASED" }) }, release, 20n);
    assert.ok(again.verdict.ok && !again.verdict.changed);
    assert.equal(again.verdict.reservation?.state, "RELEASED");
  });
});

describe("an extension", () => {
  it("moves the expiry to its time from now, and changes no budget", () => {
    const decision = decide({ path: held, reservation: reservationOf() }, extend, 20n);
    const extended = reservationOf({ expiresAtUs: 520n });
    assert.deepEqual(decision.reservation, { reservation: extended, isNew: false });
    assert.ok(decision.verdict.ok && decision.verdict.changed);
    assert.deepEqual(decision.verdict.reservation, extended);
    assert.deepEqual(decision.path, held);
    assert.equal(decision.path[0], held[0]);
  });

  it("is refused for a reservation that ended, however it ended, and for one that is unknown", () => {
    for (const state of CLOSED) {
      const decision = decide({ path: held, reservation: reservationOf({ state }) }, extend, 20n);
      assert.ok(!decision.verdict.ok && decision.verdict.error.reason === "RESERVATION_CLOSED");
      assert.equal(decision.verdict.error.state, state);
      assertNothingWritten(decision, held);
    }
    assert.equal(reasonOf(decide({ path: held }, extend, 20n).verdict), "RESERVATION_NOT_FOUND");
  });
});

describe("the expiry of a hold", () => {
  it("frees the amount at the instant at which the hold expired, however late it is noticed", () => {
    const decision = decide({ path: held, reservation: reservationOf() }, expireOf(), 5_000n);
    assert.deepEqual(amountsOf(decision), [
      [7n, 50n],
      [9n, 0n],
    ]);
    assert.deepEqual(decision.reservation, {
      reservation: reservationOf({ state: "EXPIRED", closedAtUs: 1_000n }),
      isNew: false,
    });
    assert.deepEqual(decision.entries, []);
    assert.deepEqual(
      decision.path.map(({ updatedAtUs }) => updatedAtUs),
      [1_000n, 1_000n],
    );
  });

  it("charges the whole amount if the caller wanted that", () => {
    const reservation = reservationOf({ onExpiry: "CHARGE" });
    const decision = decide({ path: held, reservation }, expireOf(), 5_000n);
    assert.deepEqual(amountsOf(decision), [
      [107n, 50n],
      [109n, 0n],
    ]);
    const [recorded] = decision.entries;
    assert.deepEqual(
      recorded?.entry,
      entryOf({
        requestId: "expiry",
        fingerprint: "f-hold",
        source: "RESERVATION",
        reservationId: "hold",
        ancestors: ["team"],
        spentAfterNanoUsd: 107n,
        heldAfterNanoUsd: 50n,
        createdAtUs: 1_000n,
      }),
    );
    assert.equal(recorded?.path, decision.path);
    assert.equal(decision.reservation?.reservation.state, "EXPIRED");
  });

  it("comes at the microsecond of the expiry, and not before it", () => {
    const stateAt = (nowUs: bigint) => {
      const decision = decide({ path: held, reservation: reservationOf() }, expireOf(), nowUs);
      assert.equal(decision.verdict.ok && decision.verdict.changed, decision.reservation !== undefined);
      return decision.reservation?.reservation.state;
    };
    assert.deepEqual([stateAt(999n), stateAt(1_000n)], [undefined, "EXPIRED"]);
  });

  it("changes nothing for a reservation that has ended meanwhile, and is refused for one that is unknown", () => {
    for (const state of CLOSED) {
      const reservation = reservationOf({ state });
      const decision = decide({ path: held, reservation }, expireOf(), 5_000n);
      assert.ok(decision.verdict.ok && !decision.verdict.changed);
      assert.equal(decision.verdict.reservation, reservation);
      assertNothingWritten(decision, held);
    }
    assert.equal(reasonOf(decide({ path: held }, expireOf(), 20n).verdict), "RESERVATION_NOT_FOUND");
  });
});

describe("a charge that names a reservation", () => {
  const settle = (costNanoUsd: bigint) => chargeOf(costNanoUsd, { reservationId: "hold" });

  it("frees the hold and charges the cost, be it lower or higher than the hold", () => {
    for (const cost of [0n, 40n, 400n]) {
      const decision = decide({ path: held, reservation: reservationOf() }, settle(cost), 20n);
      assert.deepEqual(amountsOf(decision), [
        [7n + cost, 50n],
        [9n + cost, 0n],
      ]);
      assert.deepEqual(decision.reservation, {
        reservation: reservationOf({ state: "SETTLED", closedAtUs: 20n }),
        isNew: false,
      });
      assert.equal(decision.entries[0]?.entry.reservationId, "hold");
      assert.equal(decision.verdict.ok && decision.verdict.reservation?.state, "SETTLED");
    }
  });

  it("frees the hold of the reservation's model, and charges the model of the call", () => {
    const limit = { limitNanoUsd: 1_000n, spentNanoUsd: 1n, heldNanoUsd: 100n };
    const modelLimits = [
      { model: "m", ...limit },
      { model: "n", ...limit },
    ];
    const path = [budgetOf({ heldNanoUsd: 100n, modelLimits })];
    const decision = decide({ path, reservation: reservationOf() }, { ...settle(5n), model: "n" }, 20n);
    assert.deepEqual(
      decision.path[0]?.modelLimits.map((each) => [each.model, each.spentNanoUsd, each.heldNanoUsd]),
      [
        ["m", 1n, 0n],
        ["n", 6n, 100n],
      ],
    );
  });

  it("is charged, and frees nothing, when the hold was released or has expired", () => {
    for (const state of CLOSED) {
      const decision = decide({ path: held, reservation: reservationOf({ state }) }, settle(5n), 20n);
      assert.deepEqual(amountsOf(decision), [
        [12n, 150n],
        [14n, 100n],
      ]);
      assert.equal(decision.reservation, undefined);
      assert.equal(decision.entries[0]?.entry.reservationId, "hold");
    }
  });

  it("is refused when the reservation is unknown or another budget's", () => {
    for (const reservation of [undefined, reservationOf({ user: "bob" })]) {
      const decision = decide({ path: held, reservation }, settle(5n), 20n);
      assert.equal(reasonOf(decision.verdict), "RESERVATION_NOT_FOUND");
      assertNothingWritten(decision, held);
    }
  });

  it("is refused with an error that was found before, unless it is a repeated one", () => {
    const refusal = { reason: "UNPRICED_MODEL", model: "m", nearest: [] } as const;
    const operation = { ...settle(5n), refusal };
    const decision = decide({ path: held, reservation: reservationOf() }, operation, 20n);
    assert.equal(reasonOf(decision.verdict), "UNPRICED_MODEL");
    assertNothingWritten(decision, held);
    const entry = entryOf({ fingerprint: "f1" });
    assert.equal(reasonOf(decide({ path: held, entry }, operation, 20n).verdict), "ok");
  });
});
