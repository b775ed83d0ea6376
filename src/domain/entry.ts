import type { CostDetail } from "./cost-detail.ts";
import type { NanoUsd } from "./money.ts";
import type { InstantUs } from "./period.ts";

/** The source of an entry's amount. */
export type EntrySource =
  | "COMPLETION"
  | "TEXT"
  | "USAGE"
  | "COST"
  | "RESET"
  | "LEGACY"
  | "RESERVATION"
  | "REFUND";

/** One immutable row of the ledger, with the balances of its budget right after the entry. */
export interface Entry {
  project: string;
  requestId: string;
  user: string;
  fingerprint: string;
  kind: "CHARGE" | "RESET" | "CORRECTION";
  source: EntrySource;
  model: string | undefined;
  costNanoUsd: NanoUsd;
  /** How the amount was computed. Undefined when the caller gave the amount. */
  detail: CostDetail | undefined;
  /** The reservation that this charge settled, or that expired as this charge. */
  reservationId: string | undefined;
  /** Set on a correction: the request id of the charge that it refunds, in whole or in part. */
  correctsRequestId: string | undefined;
  /** Users of the ancestors that were charged the same amount, nearest first. */
  ancestors: readonly string[];
  periodId: bigint;
  periodStartUs: InstantUs;
  periodEndUs: InstantUs | undefined;
  spentAfterNanoUsd: NanoUsd;
  heldAfterNanoUsd: NanoUsd;
  totalAfterNanoUsd: NanoUsd;
  createdAtUs: InstantUs;
}

/** The amount that one model spent in one period of one budget. */
export interface ModelCost {
  project: string;
  user: string;
  periodId: bigint;
  model: string;
  costNanoUsd: NanoUsd;
}

/** Identifies an entry. Request ids, like names, contain no control characters, so the key is unambiguous. */
export const requestKey = (project: string, requestId: string): string => `${project}\0${requestId}`;
