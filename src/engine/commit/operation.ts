import type { Budget } from "../../domain/budget.ts";
import type { CostDetail, EstimateDetail } from "../../domain/cost-detail.ts";
import type { Entry, EntrySource } from "../../domain/entry.ts";
import type { BudgetError } from "../../domain/errors.ts";
import type { NanoUsd } from "../../domain/money.ts";
import type { OnExpiry, Reservation } from "../../domain/reservation.ts";

interface Named {
  project: string;
  user: string;
}

interface Once extends Named {
  /** Makes the operation happen once. Unique in the project. */
  requestId: string;
  /** Hash of the payload: the same id with another fingerprint is another request. */
  fingerprint: string;
}

/** A cost to record. It is a fact, and is never refused for want of budget. */
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

/** Ends a hold that has run out. Only the engine asks for it. */
export interface Expire extends Named {
  kind: "expire";
  reservationId: string;
  /** For the ledger's entry, where running out is a charge. */
  requestId: string;
}

/** What can be asked of the engine. */
export type Operation = Charge | Reset | Reserve | Release | Extend | Expire;

/** What became of an operation. */
export type Verdict =
  | {
      ok: true;
      budget: Budget;
      /** Of a charge or a reset. */
      entry: Entry | undefined;
      /** Of an operation on a reservation. */
      reservation: Reservation | undefined;
      replayed: boolean;
    }
  | { ok: false; error: BudgetError };
