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

/** The same id with other fingerprints is another request. */
interface Once extends Named, Fingerprints {
  /** Makes the operation happen once. Unique in the project. */
  requestId: string;
}

/** A cost to record. A charge is a fact: it is recorded even if it takes the budget below zero. */
export interface Charge extends Once {
  kind: "charge";
  source: EntrySource;
  /** As the caller named it. */
  model: string;
  costNanoUsd: NanoUsd;
  /** How it was priced. Undefined when the caller gave the amount. */
  detail: CostDetail | undefined;
  /** The reservation to settle. */
  reservationId: string | undefined;
  /** Why it cannot be charged, known before. Told only where the request is not a repeated one. */
  refusal?: BudgetError;
}

/** Takes a charge back, whole or in part: a negative correction of at most what was charged. */
export interface Refund extends Once {
  kind: "refund";
  /** The request id of the charge. */
  chargeId: string;
  /** The ancestors on which the charge counted: an entry never changes, so the caller may look them up before. */
  chargedAncestors: readonly string[];
  /** Undefined: all that was not refunded yet. */
  amountNanoUsd: NanoUsd | undefined;
}

/** Closes the current period now. */
export interface Reset extends Once {
  kind: "reset";
}

/** Holds an amount on a budget and its ancestors, or on none of them. */
export interface Reserve extends Once {
  kind: "reserve";
  model: string;
  amountNanoUsd: NanoUsd;
  ttlUs: bigint;
  onExpiry: OnExpiry;
  /** How the amount was estimated. Undefined when the caller gave it. */
  detail: EstimateDetail | undefined;
  /** Why it cannot be held, known before. Told only where the request is not a repeated one. */
  refusal?: BudgetError;
}

/** Gives a hold back. */
export interface Release extends Named {
  kind: "release";
  reservationId: string;
}

/** Moves the end of a hold to this long from now. */
export interface Extend extends Named {
  kind: "extend";
  reservationId: string;
  ttlUs: bigint;
}

/** Ends a hold that has expired. Only the engine makes it. */
export interface Expire extends Named {
  kind: "expire";
  reservationId: string;
  /** The budgets that hold it, too. */
  ancestors: readonly string[];
  /** For the ledger's entry, where expiry is a charge. */
  requestId: string;
}

/** A period as a caller gives it: without an anchor, it is anchored at the moment of the operation. */
export type PeriodInput = Omit<Period, "anchorUs"> & { anchorUs: InstantUs | undefined };

/** A limit as a caller gives it. */
export type LimitInput = Pick<ModelLimit, "model" | "limitNanoUsd">;

/** Creates a budget, or finds the one that a call with the same fingerprints created before. */
export interface Create extends Named, Fingerprints {
  kind: "create";
  totalNanoUsd: NanoUsd;
  period: PeriodInput | undefined;
  /** The user of another budget of the project. */
  parent: string | undefined;
  modelLimits: readonly LimitInput[];
}

/** What an update changes. A key that is absent stays as it is. */
export interface BudgetChange {
  totalNanoUsd?: NanoUsd;
  /** `undefined` as a value takes the period away. */
  period?: PeriodInput | undefined;
  /** `undefined` as a value makes the budget a root. */
  parent?: string | undefined;
  modelLimits?: readonly LimitInput[];
}

/** Changes the settings of a budget. What was spent stays, and so does the start of the current period. */
export interface Update extends Named {
  kind: "update";
  change: BudgetChange;
}

/** Deletes a budget with its closed periods. Its ledger entries stay. */
export interface Delete extends Named {
  kind: "delete";
}

/** Records the period that a budget is in now, where the recorded one has ended. The sweep makes it. */
export interface Roll extends Named {
  kind: "roll";
}

/** The steps that a record of LiteLLM's map asks for, all or none, with what is remembered of the record from then on. */
export interface Post extends Named {
  kind: "post";
  steps: readonly (Create | Reset | Charge | Update)[];
  /** What was remembered of the record when the steps were chosen. Undefined: nothing. */
  before: RecordRow | undefined;
  after: RecordRow;
  /** The start of the period that the budget was in when the steps were chosen. Undefined: there was no budget. */
  windowStartUs: InstantUs | undefined;
}

/** What can be asked of the engine. */
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

/** What became of an operation. */
export type Verdict =
  | {
      ok: true;
      /** As the operation left it; of a deletion, as it was. */
      budget: Budget;
      /** Of a charge, a refund or a reset. */
      entry: Entry | undefined;
      /** Of an operation on a reservation. */
      reservation: Reservation | undefined;
      replayed: boolean;
      /** Whether anything was written. A post that finds its record or budget changed since writes nothing. */
      changed: boolean;
    }
  | { ok: false; error: BudgetError };

/** Names the parent that a creation or an update gives its budget. */
export const newParentOf = (operation: Operation): string | undefined => {
  if (operation.kind === "create") return operation.parent;
  return operation.kind === "update" ? operation.change.parent : undefined;
};

/**
 * Whether an operation needs facts about what lies below its budget, which are read for the batch as a whole and do not
 * follow what earlier operations of the same batch do. It is committed in a batch of its own.
 */
export const needsBelow = (operation: Operation): boolean =>
  operation.kind === "delete" ||
  (operation.kind === "update" &&
    ("parent" in operation.change || operation.change.modelLimits !== undefined)) ||
  (operation.kind === "post" && operation.steps.some(needsBelow));
