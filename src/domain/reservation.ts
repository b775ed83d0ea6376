import type { EstimateDetail } from "./cost-detail.ts";
import type { NanoUsd } from "./money.ts";
import type { InstantUs } from "./period.ts";

/** HELD, then exactly once one of the others. */
export type ReservationState = "HELD" | "SETTLED" | "RELEASED" | "EXPIRED";

/** What becomes of a hold that runs out: nothing was spent, or all of it was. */
export type OnExpiry = "RELEASE" | "CHARGE";

/** Money held before a call, on a budget and on each of its ancestors. */
export interface Reservation {
  project: string;
  /** The request id that opened it: the caller knows it before it has the answer. */
  reservationId: string;
  user: string;
  model: string;
  heldNanoUsd: NanoUsd;
  state: ReservationState;
  onExpiry: OnExpiry;
  /** Hash of the request that opened it. */
  fingerprint: string;
  /** How the amount was estimated. Undefined when the caller gave it. */
  detail: EstimateDetail | undefined;
  /** Users of the ancestors that hold it too, nearest first. They cannot change while it is open. */
  ancestors: readonly string[];
  createdAtUs: InstantUs;
  expiresAtUs: InstantUs;
  closedAtUs: InstantUs | undefined;
}

/** Identifies a reservation. */
export const reservationKey = (project: string, reservationId: string): string =>
  `${project}\0${reservationId}`;
