import { type Budget, withAmounts } from "../../domain/budget.ts";
import type { BudgetError } from "../../domain/errors.ts";
import { isSameRequest } from "../../domain/fingerprint.ts";
import type { InstantUs } from "../../domain/period.ts";
import type { Reservation } from "../../domain/reservation.ts";
import type { ReservationChange } from "../../store/reservations.ts";
import { admit } from "./admit.ts";
import {
  accept,
  type Decision,
  entryOf,
  type Facts,
  type Moment,
  momentOf,
  refusal,
  reused,
  unchanged,
} from "./decision.ts";
import type { Expire, Extend, Release, Reserve } from "./operation.ts";

/** Decides the operations on reservations. */

/**
 * The answer to a repeated request: the reservation in its current state. A caller that repeats a request wants to know what
 * became of the first one. Undefined when the request id is new.
 */
export function replayOfReservation(
  { path, entry, openedReservation }: Facts,
  operation: Reserve,
  nowUs: InstantUs,
): Decision | undefined {
  if (entry !== undefined) return reused(path, operation);
  if (openedReservation === undefined) return undefined;
  if (!isSameRequest(openedReservation.fingerprint, operation)) return reused(path, operation);
  return unchanged(path, nowUs, { reservation: openedReservation, replayed: true });
}

/** Holds an amount on every level, or refuses it if it does not fit on one of them. */
export function reserve({ path }: Facts, operation: Reserve, moment: Moment): Decision {
  if (operation.refusal !== undefined) return refusal(path, operation.refusal);
  const { model, amountNanoUsd } = operation;
  const admitted = admit(moment.current, operation);
  if ("reason" in admitted) return refusal(path, admitted);
  const reservation: Reservation = {
    project: operation.project,
    reservationId: operation.requestId,
    user: operation.user,
    model,
    heldNanoUsd: amountNanoUsd,
    state: "HELD",
    onExpiry: operation.onExpiry,
    fingerprint: operation.fingerprint,
    detail: operation.detail,
    ancestors: path.slice(1).map((ancestor) => ancestor.user),
    createdAtUs: moment.instantUs,
    expiresAtUs: moment.instantUs + operation.ttlUs,
    closedAtUs: undefined,
  };
  return accept(admitted.path, moment, { reservation: { reservation, isNew: true } });
}

export function release({ path, reservation }: Facts, operation: Release, nowUs: InstantUs): Decision {
  if (reservation === undefined) return refusal(path, unknown(operation));
  // A repeated release succeeds: the reservation is in the state that the caller asked for.
  if (reservation.state === "RELEASED") return unchanged(path, nowUs, { reservation });
  if (reservation.state !== "HELD") return refusal(path, ended(reservation));
  const moment = momentOf(path, nowUs);
  const freed = moment.current.map((budget) => freeHold(budget, reservation));
  return accept(freed, moment, { reservation: closing(reservation, "RELEASED", moment.instantUs) });
}

export function extend({ path, reservation }: Facts, operation: Extend, nowUs: InstantUs): Decision {
  if (reservation === undefined) return refusal(path, unknown(operation));
  if (reservation.state !== "HELD") return refusal(path, ended(reservation));
  const extended = { ...reservation, expiresAtUs: nowUs + operation.ttlUs };
  const { verdict, ...nothing } = unchanged(path, nowUs, { reservation: extended });
  return {
    ...nothing,
    verdict: { ...verdict, changed: true },
    reservation: { reservation: extended, isNew: false },
  };
}

/** Ends an expired hold. It ends at the instant of its expiry, even if that is recorded later. */
export function expire({ path, reservation }: Facts, operation: Expire, nowUs: InstantUs): Decision {
  if (reservation === undefined) return refusal(path, unknown(operation));
  if (reservation.state !== "HELD" || reservation.expiresAtUs > nowUs)
    return unchanged(path, nowUs, { reservation });
  const moment = momentOf(path, reservation.expiresAtUs);
  const freed = moment.current.map((budget) => freeHold(budget, reservation));
  const change = closing(reservation, "EXPIRED", moment.instantUs);
  if (reservation.onExpiry === "RELEASE") return accept(freed, moment, { reservation: change });
  const { model, heldNanoUsd, reservationId, detail } = reservation;
  // `withAmounts` cannot overflow here: the same amount was just freed on the same levels.
  const charged = freed.map((budget) => withAmounts(budget, { model, spentNanoUsd: heldNanoUsd }) ?? budget);
  const request = { ...operation, fingerprint: reservation.fingerprint };
  const entry = entryOf(charged, request, {
    kind: "CHARGE",
    source: "RESERVATION",
    model,
    costNanoUsd: heldNanoUsd,
    detail,
    reservationId,
  });
  return accept(charged, moment, { entry, reservation: change });
}

const unknown = ({ project, reservationId }: Release | Extend | Expire): BudgetError => ({
  reason: "RESERVATION_NOT_FOUND",
  project,
  reservationId,
});

const ended = ({ project, reservationId, state }: Reservation): BudgetError => ({
  reason: "RESERVATION_CLOSED",
  project,
  reservationId,
  state,
});

export const freeHold = (budget: Budget, { model, heldNanoUsd }: Reservation): Budget =>
  withAmounts(budget, { model, heldNanoUsd: -heldNanoUsd }) ?? budget;

export const closing = (
  reservation: Reservation,
  state: Reservation["state"],
  closedAtUs: InstantUs,
): ReservationChange => ({ reservation: { ...reservation, state, closedAtUs }, isNew: false });
