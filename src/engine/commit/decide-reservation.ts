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

/** What operations on reservations do. */

/** The same reservation again, as it stands now: whoever asks twice wants to know what became of the first time. */
export function replayOfReservation(
  { path, entry, opened }: Facts,
  operation: Reserve,
  nowUs: InstantUs,
): Decision | undefined {
  if (entry !== undefined) return reused(path, operation);
  if (opened === undefined) return undefined;
  if (!isSameRequest(opened.fingerprint, operation)) return reused(path, operation);
  return unchanged(path, nowUs, { reservation: opened, replayed: true });
}

/** All or nothing: an amount that does not fit on every level is held on none. */
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
  // Released already: that is what was asked for.
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

/** A hold ends at the instant when it runs out, however much later somebody writes that down. */
export function expire({ path, reservation }: Facts, operation: Expire, nowUs: InstantUs): Decision {
  if (reservation === undefined) return refusal(path, unknown(operation));
  if (reservation.state !== "HELD" || reservation.expiresAtUs > nowUs)
    return unchanged(path, nowUs, { reservation });
  const moment = momentOf(path, reservation.expiresAtUs);
  const freed = moment.current.map((budget) => freeHold(budget, reservation));
  const change = closing(reservation, "EXPIRED", moment.instantUs);
  if (reservation.onExpiry === "RELEASE") return accept(freed, moment, { reservation: change });
  const { model, heldNanoUsd, reservationId, detail } = reservation;
  // What was held fits where it was held: no overflow.
  const charged = freed.map((budget) => withAmounts(budget, { model, spentNanoUsd: heldNanoUsd }) ?? budget);
  const once = { ...operation, fingerprint: reservation.fingerprint };
  const entry = entryOf(charged, once, {
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
