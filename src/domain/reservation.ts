import type { EstimateDetail } from "./cost-detail.ts";
import type { NanoUsd } from "./money.ts";
import type { InstantUs } from "./period.ts";

/** A reservation starts as HELD and changes exactly once, to one of the other states. */
export type ReservationState = "HELD" | "SETTLED" | "RELEASED" | "EXPIRED";

/** How a hold ends when it expires: it is released, or its whole amount is charged. */
export type OnExpiry = "RELEASE" | "CHARGE";

/** An amount held before a call, on a budget and on each of its ancestors. */
export interface Reservation {
  project: string;
  /**
   * The request id of the request that opened the reservation. The caller chose it, so it knows it without the
   * response.
   */
  reservationId: string;
  user: string;
  model: string;
  heldNanoUsd: NanoUsd;
  state: ReservationState;
  onExpiry: OnExpiry;
  /** The hash of the request that opened the reservation. */
  fingerprint: string;
  /** How the amount was estimated. Undefined when the caller gave the amount. */
  detail: EstimateDetail | undefined;
  /**
   * Users of the ancestors that hold the same amount, nearest first. They cannot change while the reservation is open.
   */
  ancestors: readonly string[];
  createdAtUs: InstantUs;
  expiresAtUs: InstantUs;
  closedAtUs: InstantUs | undefined;
}

export const reservationKey = (project: string, reservationId: string): string =>
  `${project}\0${reservationId}`;
