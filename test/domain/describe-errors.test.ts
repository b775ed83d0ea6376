import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type BudgetError,
  describe as describeError,
  errorOf,
  Failure,
  invalidField,
} from "../../src/domain/errors.ts";

const names = { project: "p", user: 'u"1' };
const refusal = { ...names, model: "m", amountNanoUsd: 2_500_000_000n, remainingNanoUsd: -5n, levels: [] };

const SENTENCES: readonly (readonly [BudgetError, string])[] = [
  [{ reason: "INVALID_FIELD", field: "period.count", description: "is 0" }, "period.count: is 0"],
  [
    { reason: "BUDGET_NOT_FOUND", ...names },
    'no budget for user "u\\"1" in project "p"; CreateBudget creates one',
  ],
  [
    { reason: "BUDGET_EXISTS", ...names },
    'user "u\\"1" in project "p" has a budget that was created with other parameters; UpdateBudget changes it',
  ],
  [
    { reason: "REQUEST_ID_REUSED", project: "p", requestId: "r" },
    'request_id "r" was used before with another payload',
  ],
  [{ reason: "UNPRICED_MODEL", model: "m", nearest: [] }, 'no price is known for model "m"'],
  [
    { reason: "UNPRICED_MODEL", model: "m", nearest: ["m1", "m2"] },
    'no price is known for model "m"; nearest: m1, m2',
  ],
  [
    { reason: "RESERVATION_NOT_FOUND", project: "p", reservationId: "r" },
    'no reservation "r" in project "p"',
  ],
  [
    { reason: "RESERVATION_CLOSED", project: "p", reservationId: "r", state: "SETTLED" },
    'reservation "r" has ended: SETTLED',
  ],
  [
    { reason: "CHARGE_NOT_FOUND", project: "p", requestId: "r" },
    'no charge with request_id "r" in project "p"',
  ],
  [
    { reason: "REFUND_EXCEEDS_CHARGE", project: "p", requestId: "r", leftNanoUsd: 1_500_000_000n },
    'the charge with request_id "r" has $1.50 left to refund',
  ],
  [{ reason: "PARENT_NOT_FOUND", project: "p", parent: "t" }, 'no budget for parent "t" in project "p"'],
  [
    { reason: "PARENT_CYCLE", ...names, parent: "t" },
    '"t" cannot be the parent of "u\\"1": it is the same budget or a descendant of it',
  ],
  [
    { reason: "BUDGET_IN_USE", ...names },
    'the budget of user "u\\"1" in project "p" has children or open reservations',
  ],
  [
    { reason: "BUDGET_EXCEEDED", ...refusal },
    '$2.50 does not fit the budget of user "u\\"1", which has -$0.000000005 left',
  ],
  [
    { reason: "MODEL_LIMIT_EXCEEDED", limit: "gpt-*", ...refusal },
    '$2.50 does not fit the limit for gpt-* of user "u\\"1", which has -$0.000000005 left',
  ],
  [{ reason: "PRICE_NOT_FOUND", project: "p", model: "m" }, 'project "p" has set no price for model "m"'],
  [
    { reason: "PRICES_FULL", project: "p", pricesMax: 1000 },
    'project "p" has 1000 prices, which is the maximum',
  ],
  [
    { reason: "AMOUNT_OVERFLOW", ...names },
    'the budget of user "u\\"1" in project "p" would leave the range of 64-bit nano-USD',
  ],
  [
    { reason: "OVERLOADED", operationsMax: 20, retryAfterMs: 100 },
    "20 operations are queued; retry in 100 ms",
  ],
  [
    { reason: "OVERLOADED", operationsMax: 20, bytesMax: 30, retryAfterMs: 100 },
    "too many texts are waiting to be counted: the server queues at most 20 texts and 30 bytes, and one project at most as much as it leaves free; retry in 100 ms",
  ],
  [
    { reason: "OVERLOADED", requestBytesMax: 40, retryAfterMs: 100 },
    "requests of more than 40 bytes are in flight; retry in 100 ms",
  ],
  [{ reason: "KEY_MISSING" }, "this server needs a key: send the header `authorization: Bearer pk_...`"],
  [{ reason: "KEY_INVALID" }, "the key is malformed, unknown, expired or revoked"],
  [{ reason: "KEY_NOT_ALLOWED", method: "ResetCost" }, "the key does not permit ResetCost"],
  [{ reason: "KEY_NOT_FOUND", project: "p", keyId: "k" }, 'no key "k" in project "p"'],
  [
    { reason: "RATE_EXCEEDED", callsPerSecondMax: 5, retryAfterMs: 200 },
    "the key allows 5 calls per second; retry in 200 ms",
  ],
  [
    { reason: "RATE_EXCEEDED", callsInFlightMax: 6, retryAfterMs: 100 },
    "the key allows 6 calls in flight; retry in 100 ms",
  ],
  [
    { reason: "RATE_EXCEEDED", invalidKeysMax: 7, retryAfterMs: 1000 },
    "more than 7 invalid keys came from this address; retry in 1000 ms",
  ],
  [
    { reason: "STORE_UNAVAILABLE", retryAfterMs: 500 },
    "the database is unavailable; retry with the same request_id",
  ],
  [{ reason: "CANCELLED" }, "cancelled before anything was changed"],
  [{ reason: "DEADLINE_EXCEEDED" }, "the deadline passed before anything was changed"],
  [{ reason: "INTERNAL" }, "internal error; the server's log has the cause"],
];

describe("an error", () => {
  for (const [error, sentence] of SENTENCES) {
    it(`is one sentence for people: ${sentence.slice(0, 80)}`, () => {
      assert.equal(describeError(error), sentence);
      assert.equal(new Failure(error).message, sentence);
    });
  }

  it("is carried by a Failure; anything else that was thrown is a defect, and its text is not shown", () => {
    const error: BudgetError = { reason: "CANCELLED" };
    const cause = new Error("why");
    const failure = new Failure(error, { cause });
    assert.deepEqual([failure.name, failure.error, failure.cause], ["Failure", error, cause]);
    assert.equal(errorOf(failure), error);
    for (const thrown of [new Error("password"), "text", undefined, error]) {
      assert.deepEqual(errorOf(thrown), { reason: "INTERNAL" });
    }
  });
});

describe("the description of an invalid field", () => {
  const described = (description: string): string => {
    const { error } = invalidField("f", description);
    return error.reason === "INVALID_FIELD" ? error.description : "";
  };

  it("has at most 400 characters of the text, and then three dots", () => {
    assert.equal(described("a".repeat(400)), "a".repeat(400));
    assert.equal(described("a".repeat(401)), `${"a".repeat(400)}...`);
  });
});
