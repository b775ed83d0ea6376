import type { Budget, ModelLimit } from "../../domain/budget.ts";
import type { CostDetail, EstimateDetail } from "../../domain/cost-detail.ts";
import type { Entry, EntrySource } from "../../domain/entry.ts";
import type { BudgetError } from "../../domain/errors.ts";
import type { Fingerprints } from "../../domain/fingerprint.ts";
import type { NanoUsd } from "../../domain/money.ts";
import type { InstantUs, Period } from "../../domain/period.ts";
import type { OnExpiry, Reservation } from "../../domain/reservation.ts";
import type { RecordRow } from "../../store/legacy-records.ts";

interface Named {
  project: string;
  user: string;
}

/** The same request id with other fingerprints is REQUEST_ID_REUSED. */
interface Identified extends Named, Fingerprints {
  /** Makes the operation idempotent. Unique in the project. */
  requestId: string;
}

/** An administrative change, which the audit log records. */
export interface Audited {
  /** Who asks for the change, as in the audit log: the actor of the caller. */
  actor: string;
}

/** Records a cost. A charge is a fact: it is recorded even if it takes the budget below zero. */
export interface Charge extends Identified {
  kind: "charge";
  source: EntrySource;
  /** The name that the caller gave. */
  model: string;
  costNanoUsd: NanoUsd;
  /** How the cost was calculated. Undefined when the caller gave the amount. */
  detail: CostDetail | undefined;
  /** The reservation to settle. */
  reservationId: string | undefined;
  /** An error found before the operation was submitted. It is the verdict, unless the request is a repeated one. */
  refusal?: BudgetError;
}

/** Takes back a charge or a part of it. Records a correction with a negative cost. */
export interface Refund extends Identified, Audited {
  kind: "refund";
  /** The request id of the charge. */
  chargeId: string;
  /** The ancestors on which the charge counted. The caller may look them up before, because an entry never changes. */
  chargedAncestors: readonly string[];
  /** Undefined: the whole rest of the charge that was not refunded yet. */
  amountNanoUsd: NanoUsd | undefined;
}

/** Closes the current period now, and opens a new one. */
export interface Reset extends Identified, Audited {
  kind: "reset";
}

/** Holds an amount on a budget and all of its ancestors, or on none of them. */
export interface Reserve extends Identified {
  kind: "reserve";
  model: string;
  amountNanoUsd: NanoUsd;
  ttlUs: bigint;
  onExpiry: OnExpiry;
  /** How the amount was estimated. Undefined when the caller gave it. */
  detail: EstimateDetail | undefined;
  /** An error found before the operation was submitted. It is the verdict, unless the request is a repeated one. */
  refusal?: BudgetError;
}

/** Frees a hold without a charge. */
export interface Release extends Named {
  kind: "release";
  reservationId: string;
}

/** Moves the expiry of a hold to `ttlUs` from now. */
export interface Extend extends Named {
  kind: "extend";
  reservationId: string;
  ttlUs: bigint;
}

/** Ends an expired hold. Only the engine submits it. */
export interface Expire extends Named {
  kind: "expire";
  reservationId: string;
  /** The ancestors that hold the amount, too. */
  ancestors: readonly string[];
  /** The request id of the ledger entry, if the reservation is charged on expiry. */
  requestId: string;
}

/** A period as a caller gives it. Without an anchor, its anchor is the instant of the operation. */
export type PeriodInput = Omit<Period, "anchorUs"> & { anchorUs: InstantUs | undefined };

/** A limit as a caller gives it. */
export type LimitInput = Pick<ModelLimit, "model" | "limitNanoUsd">;

/** Creates a budget. A repeated call, with the same fingerprints, returns the budget that the first one created. */
export interface Create extends Named, Fingerprints, Audited {
  kind: "create";
  totalNanoUsd: NanoUsd;
  period: PeriodInput | undefined;
  /** The user of another budget of the project. */
  parent: string | undefined;
  modelLimits: readonly LimitInput[];
}

/** The settings that an update changes. An absent key leaves its setting as it is. */
export interface BudgetChange {
  totalNanoUsd?: NanoUsd;
  /** A key with the value `undefined` removes the period. */
  period?: PeriodInput | undefined;
  /** A key with the value `undefined` makes the budget a root. */
  parent?: string | undefined;
  modelLimits?: readonly LimitInput[];
}

/** Changes the settings of a budget. The spent amount and the start of the current period stay as they are. */
export interface Update extends Named, Audited {
  kind: "update";
  change: BudgetChange;
}

/** Deletes a budget with its closed periods. Its ledger entries stay. */
export interface Delete extends Named, Audited {
  kind: "delete";
}

/** Moves a budget to its current period, if the stored one has ended. The sweep submits it. */
export interface Roll extends Named {
  kind: "roll";
}

/**
 * Does the steps that a record of LiteLLM's map asks for, all of them or none, and stores the new memory of the record in the
 * same transaction.
 */
export interface Post extends Named {
  kind: "post";
  steps: readonly (Create | Reset | Charge | Update)[];
  /** The memory of the record when the steps were chosen. Undefined: there was none. */
  before: RecordRow | undefined;
  /** The memory of the record once the steps are done. */
  after: RecordRow;
  /** The start of the budget's period when the steps were chosen. Undefined: there was no budget. */
  windowStartUs: InstantUs | undefined;
}

/** Everything that can be submitted to the engine. */
export type Operation =
  | Charge
  | Refund
  | Reset
  | Reserve
  | Release
  | Extend
  | Expire
  | Create
  | Update
  | Delete
  | Roll
  | Post;

/** The outcome of an operation. */
export type Verdict =
  | {
      ok: true;
      /** The budget after the operation. For a deletion: the budget right before it. */
      budget: Budget;
      /** For a charge, a refund or a reset: its ledger entry. */
      entry: Entry | undefined;
      /** For an operation on a reservation: the reservation after it. */
      reservation: Reservation | undefined;
      /** Whether this is the answer to a repeated request. */
      replayed: boolean;
      /** Whether anything was written. A post writes nothing when its record or its budget has changed meanwhile. */
      changed: boolean;
    }
  | { ok: false; error: BudgetError };

/** The parent that a creation or an update gives to its budget. */
export const newParentOf = (operation: Operation): string | undefined => {
  if (operation.kind === "create") return operation.parent;
  return operation.kind === "update" ? operation.change.parent : undefined;
};

/**
 * Whether an operation depends on the descendants of its budget or on sums over reservations (`Below`). These are read once,
 * before the batch is decided, so they would not include the changes of earlier operations of the batch. Therefore such an
 * operation is a batch of its own.
 */
export const needsBelow = (operation: Operation): boolean =>
  operation.kind === "delete" ||
  (operation.kind === "update" &&
    ("parent" in operation.change || operation.change.modelLimits !== undefined)) ||
  (operation.kind === "post" && operation.steps.some(needsBelow));
