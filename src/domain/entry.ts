import type { CostDetail } from "./cost-detail.ts";
import type { NanoUsd } from "./money.ts";
import type { InstantUs } from "./period.ts";

/** Where an entry's amount came from. */
export type EntrySource =
  | "COMPLETION"
  | "TEXT"
  | "USAGE"
  | "COST"
  | "RESET"
  | "LEGACY"
  | "RESERVATION"
  | "REFUND";

/** One immutable row of the ledger, with the state of its budget right after it. */
export interface Entry {
  project: string;
  requestId: string;
  user: string;
  fingerprint: string;
  kind: "CHARGE" | "RESET" | "CORRECTION";
  source: EntrySource;
  model: string | undefined;
  costNanoUsd: NanoUsd;
  /** How the amount came about. Undefined when the caller gave it. */
  detail: CostDetail | undefined;
  /** The reservation that the charge settled, or that ran out as a charge. */
  reservationId: string | undefined;
  /** Of a correction: the request id of the charge that it takes back, whole or in part. */
  correctsRequestId: string | undefined;
  /** Users of the ancestors on which the amount counted as well, nearest first. */
  ancestors: readonly string[];
  periodId: bigint;
  periodStartUs: InstantUs;
  periodEndUs: InstantUs | undefined;
  spentAfterNanoUsd: NanoUsd;
  heldAfterNanoUsd: NanoUsd;
  totalAfterNanoUsd: NanoUsd;
  createdAtUs: InstantUs;
}

/** What one model spent of one period of one budget. */
export interface ModelCost {
  project: string;
  user: string;
  periodId: bigint;
  model: string;
  costNanoUsd: NanoUsd;
}

/** Identifies an entry. Request ids hold no control characters, as names do. */
export const requestKey = (project: string, requestId: string): string => `${project}\0${requestId}`;
