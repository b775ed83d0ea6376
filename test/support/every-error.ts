import type { BudgetError } from "../../src/domain/errors.ts";

const NAME_BYTES_MAX = 256;
/** A name of the maximum length, in the text that needs the most bytes when it is quoted and escaped. */
const longest = (character: string, prefix = ""): string =>
  prefix + character.repeat(Math.floor((NAME_BYTES_MAX - prefix.length) / Buffer.byteLength(character)));

/** One error for every reason, with the largest possible values. */
export function everyError(character: string): BudgetError[] {
  const name = longest(character);
  const [project, user, model, parent] = [name, name, name, name];
  const levels = Array.from({ length: 8 }, (_, level) => ({
    user: longest(character, String(level)),
    remainingNanoUsd: -(2n ** 63n),
  }));
  const refusal = {
    project,
    user: levels[7]?.user ?? "",
    model,
    amountNanoUsd: 2n ** 63n - 1n,
    remainingNanoUsd: -(2n ** 63n),
    levels,
    retryAfterMs: 8_640_000_000_000.123,
  };
  const errors: { [Reason in BudgetError["reason"]]: Extract<BudgetError, { reason: Reason }>[] } = {
    INVALID_FIELD: [
      { reason: "INVALID_FIELD", field: "user", description: "is required" },
      { reason: "INVALID_FIELD", field: `user_dict.${name}.${name}`, description: character.repeat(10_000) },
    ],
    BUDGET_NOT_FOUND: [{ reason: "BUDGET_NOT_FOUND", project, user }],
    BUDGET_EXISTS: [{ reason: "BUDGET_EXISTS", project, user }],
    REQUEST_ID_REUSED: [{ reason: "REQUEST_ID_REUSED", project, requestId: name }],
    RESERVATION_NOT_FOUND: [{ reason: "RESERVATION_NOT_FOUND", project, reservationId: name }],
    RESERVATION_CLOSED: [{ reason: "RESERVATION_CLOSED", project, reservationId: name, state: "SETTLED" }],
    PARENT_NOT_FOUND: [{ reason: "PARENT_NOT_FOUND", project, parent }],
    CHARGE_NOT_FOUND: [{ reason: "CHARGE_NOT_FOUND", project, requestId: name }],
    REFUND_EXCEEDS_CHARGE: [
      { reason: "REFUND_EXCEEDS_CHARGE", project, requestId: name, leftNanoUsd: 2n ** 63n - 1n },
    ],
    PARENT_CYCLE: [{ reason: "PARENT_CYCLE", project, user, parent }],
    BUDGET_IN_USE: [{ reason: "BUDGET_IN_USE", project, user }],
    BUDGET_EXCEEDED: [{ reason: "BUDGET_EXCEEDED", ...refusal }],
    MODEL_LIMIT_EXCEEDED: [{ reason: "MODEL_LIMIT_EXCEEDED", limit: name, ...refusal }],
    PRICE_NOT_FOUND: [{ reason: "PRICE_NOT_FOUND", project, model }],
    PRICES_FULL: [{ reason: "PRICES_FULL", project, pricesMax: 100_000 }],
    UNPRICED_MODEL: [{ reason: "UNPRICED_MODEL", model, nearest: [name, name, name] }],
    AMOUNT_OVERFLOW: [{ reason: "AMOUNT_OVERFLOW", project, user }],
    OVERLOADED: [
      { reason: "OVERLOADED", operationsMax: 1_000_000, retryAfterMs: 0.25 },
      { reason: "OVERLOADED", operationsMax: 1_000_000, bytesMax: 2 ** 36, retryAfterMs: 1000 },
      { reason: "OVERLOADED", requestBytesMax: 2 ** 34, retryAfterMs: 1000 },
    ],
    KEY_MISSING: [{ reason: "KEY_MISSING" }],
    KEY_INVALID: [{ reason: "KEY_INVALID" }],
    KEY_NOT_ALLOWED: [{ reason: "KEY_NOT_ALLOWED", method: "BatchUpdateCost" }],
    KEY_NOT_FOUND: [{ reason: "KEY_NOT_FOUND", project, keyId: name }],
    RATE_EXCEEDED: [
      { reason: "RATE_EXCEEDED", callsPerSecondMax: 1_000_000, retryAfterMs: 0.001 },
      { reason: "RATE_EXCEEDED", callsInFlightMax: 1_000_000, retryAfterMs: 1000 },
      { reason: "RATE_EXCEEDED", invalidKeysMax: 100, retryAfterMs: 1000 },
    ],
    STORE_UNAVAILABLE: [{ reason: "STORE_UNAVAILABLE", retryAfterMs: 1234.5678 }],
    CANCELLED: [{ reason: "CANCELLED" }],
    DEADLINE_EXCEEDED: [{ reason: "DEADLINE_EXCEEDED" }],
    INTERNAL: [{ reason: "INTERNAL" }],
  };
  return Object.values(errors).flat();
}
