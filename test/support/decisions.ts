import { type Budget, budgetKey } from "../../src/domain/budget.ts";
import type { Entry } from "../../src/domain/entry.ts";
import type { Reservation } from "../../src/domain/reservation.ts";
import type { LockedState } from "../../src/engine/commit/batch.ts";
import type {
  Charge,
  Create,
  Expire,
  Refund,
  Reserve,
  Reset,
  Verdict,
} from "../../src/engine/commit/operation.ts";

/** Budgets, rows and operations for tests of pure decisions. */

export const DAY_US = 86_400_000_000n;

const named = { project: "p", user: "alice" };

/** A daily budget of $1, created at 0 µs and last changed at 10 µs. */
export const budgetOf = (changes: Partial<Budget> = {}): Budget => ({
  ...named,
  totalNanoUsd: 1_000_000_000n,
  spentNanoUsd: 0n,
  heldNanoUsd: 0n,
  period: { unit: "DAY", count: 1, anchorUs: 0n, timeZone: "UTC" },
  periodId: 0n,
  periodStartUs: 0n,
  periodEndUs: DAY_US,
  parent: undefined,
  modelLimits: [],
  creationFingerprint: "",
  createdAtUs: 0n,
  updatedAtUs: 10n,
  ...changes,
});

/** An open reservation of 100 nano-USD, which expires at 1,000 µs. */
export const reservationOf = (changes: Partial<Reservation> = {}): Reservation => ({
  ...named,
  reservationId: "hold",
  model: "m",
  heldNanoUsd: 100n,
  state: "HELD",
  onExpiry: "RELEASE",
  fingerprint: "f-hold",
  detail: undefined,
  ancestors: [],
  createdAtUs: 5n,
  expiresAtUs: 1_000n,
  closedAtUs: undefined,
  ...changes,
});

/** The entry of a charge of 100 nano-USD, made at 10 µs. */
export const entryOf = (changes: Partial<Entry> = {}): Entry => ({
  ...named,
  requestId: "charge",
  fingerprint: "f-charge",
  kind: "CHARGE",
  source: "COST",
  model: "m",
  costNanoUsd: 100n,
  detail: undefined,
  reservationId: undefined,
  correctsRequestId: undefined,
  ancestors: [],
  periodId: 0n,
  periodStartUs: 0n,
  periodEndUs: DAY_US,
  spentAfterNanoUsd: 100n,
  heldAfterNanoUsd: 0n,
  totalAfterNanoUsd: 1_000_000_000n,
  createdAtUs: 10n,
  ...changes,
});

export const chargeOf = (costNanoUsd: bigint, changes: Partial<Charge> = {}): Charge => ({
  kind: "charge",
  ...named,
  requestId: "r1",
  fingerprint: "f1",
  source: "COST",
  model: "m",
  costNanoUsd,
  detail: undefined,
  reservationId: undefined,
  ...changes,
});

export const refundOf = (amountNanoUsd: bigint | undefined, changes: Partial<Refund> = {}): Refund => ({
  kind: "refund",
  ...named,
  requestId: "refund",
  fingerprint: "f-refund",
  chargeId: "charge",
  chargedAncestors: [],
  amountNanoUsd,
  actor: "test",
  ...changes,
});

export const resetOf = (changes: Partial<Reset> = {}): Reset => ({
  kind: "reset",
  ...named,
  requestId: "r2",
  fingerprint: "f2",
  actor: "test",
  ...changes,
});

export const reserveOf = (amountNanoUsd: bigint, changes: Partial<Reserve> = {}): Reserve => ({
  kind: "reserve",
  ...named,
  requestId: "hold",
  fingerprint: "f-hold",
  model: "m",
  amountNanoUsd,
  ttlUs: 60n,
  onExpiry: "RELEASE",
  detail: undefined,
  ...changes,
});

export const expireOf = (changes: Partial<Expire> = {}): Expire => ({
  kind: "expire",
  ...named,
  reservationId: "hold",
  ancestors: [],
  requestId: "expiry",
  ...changes,
});

export const createOf = (changes: Partial<Create> = {}): Create => ({
  kind: "create",
  ...named,
  totalNanoUsd: 1_000_000_000n,
  period: undefined,
  parent: undefined,
  modelLimits: [],
  fingerprint: "f-create",
  actor: "test",
  ...changes,
});

/** The locked budgets of a batch that is decided at 20 µs. */
export const stateOf = (budgets: readonly Budget[], changes: Partial<LockedState> = {}): LockedState => ({
  budgets: new Map(budgets.map((budget) => [budgetKey(budget.project, budget.user), budget])),
  entries: new Map(),
  reservations: new Map(),
  nowUs: 20n,
  ...changes,
});

/** "ok", or why an operation was refused. */
export const reasonOf = (verdict: Verdict | undefined): string | undefined =>
  verdict === undefined ? undefined : verdict.ok ? "ok" : verdict.error.reason;
