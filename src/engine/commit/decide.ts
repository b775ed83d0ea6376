import { auditedChange, refunded, spending } from "../../domain/audit.ts";
import { type Budget, closePeriod, openPeriod, withAmounts } from "../../domain/budget.ts";
import { isSameRequest } from "../../domain/fingerprint.ts";
import type { InstantUs } from "../../domain/period.ts";
import { create, remove, roll, update } from "./decide-budget.ts";
import { post } from "./decide-post.ts";
import {
  closing,
  expire,
  extend,
  freeHold,
  release,
  replayOfReservation,
  reserve,
} from "./decide-reservation.ts";
import {
  accept,
  type Decision,
  entryOf,
  type Facts,
  type Moment,
  momentOf,
  refusal,
  reused,
  seenAs,
} from "./decision.ts";
import type { Charge, Operation, Refund, Reset } from "./operation.ts";

/**
 * Decides one operation. Pure: the same facts, operation and instant always give the same decision. The checks run in this
 * order: existence, replay, limit.
 *
 * @param nowUs The database's clock.
 */
export function decide(facts: Facts, operation: Operation, nowUs: InstantUs): Decision {
  const mayCreate = operation.kind === "create" || operation.kind === "post";
  if (facts.path.length === 0 && !mayCreate) {
    return refusal(facts.path, {
      reason: "BUDGET_NOT_FOUND",
      project: operation.project,
      user: operation.user,
    });
  }
  switch (operation.kind) {
    case "charge":
      return replayOfEntry(facts, operation) ?? charge(facts, operation, momentOf(facts.path, nowUs));
    case "refund":
      return replayOfEntry(facts, operation) ?? refund(facts, operation, nowUs);
    case "reset":
      return replayOfEntry(facts, operation) ?? reset(facts, operation, nowUs);
    case "reserve":
      return (
        replayOfReservation(facts, operation, nowUs) ?? reserve(facts, operation, momentOf(facts.path, nowUs))
      );
    case "release":
      return release(facts, operation, nowUs);
    case "extend":
      return extend(facts, operation, nowUs);
    case "expire":
      return expire(facts, operation, nowUs);
    case "create":
      return create(facts, operation, nowUs);
    case "update":
      return update(facts, operation, nowUs);
    case "delete":
      return remove(facts, operation, nowUs);
    case "roll":
      return roll(facts, operation, nowUs);
    case "post":
      return post(facts, operation, nowUs, decide);
    default: {
      const unreachable: never = operation;
      return unreachable;
    }
  }
}

/**
 * Charges a cost. With a reservation, it settles it: it frees the hold and charges the cost in one step. The cost may be above
 * or below the hold. If the hold was released or has expired, the cost is still charged, because the money was spent.
 */
function charge({ path, reservation }: Facts, operation: Charge, moment: Moment): Decision {
  const { project, user, reservationId, model, costNanoUsd } = operation;
  if (operation.refusal !== undefined) return refusal(path, operation.refusal);
  if (reservationId !== undefined && reservation?.user !== user) {
    return refusal(path, { reason: "RESERVATION_NOT_FOUND", project, reservationId });
  }
  const held = reservation?.state === "HELD" ? reservation : undefined;
  const charged: Budget[] = [];
  for (const budget of moment.current) {
    const freed = held === undefined ? budget : freeHold(budget, held);
    const after = withAmounts(freed, { model, spentNanoUsd: costNanoUsd });
    if (after === undefined) {
      return refusal(path, { reason: "AMOUNT_OVERFLOW", project, user: budget.user });
    }
    charged.push(after);
  }
  const { source, detail } = operation;
  const entry = entryOf(charged, operation, {
    kind: "CHARGE",
    source,
    model,
    costNanoUsd,
    detail,
    reservationId,
  });
  return accept(charged, moment, { entry, reservation: held && closing(held, "SETTLED", moment.instantUs) });
}

/** Resets one budget. Its ancestors stay as they are, because they have their own periods. Holds stay: they are not spent yet. */
function reset({ path }: Facts, operation: Reset, nowUs: InstantUs): Decision {
  const [, ...ancestors] = path;
  const moment = momentOf(path.slice(0, 1), nowUs);
  const [own] = moment.current as readonly [Budget];
  // If the stored period had ended, `momentOf` opened a new one at this instant, which became its id. The period that the
  // reset opens needs a different id, so it begins one microsecond later.
  const instantUs = own.periodId === moment.instantUs ? moment.instantUs + 1n : moment.instantUs;
  const current = { ...own, updatedAtUs: instantUs };
  const opened = openPeriod(current, { idUs: instantUs, startUs: instantUs, endUs: own.periodEndUs });
  const entry = entryOf([opened, ...ancestors], operation, {
    kind: "RESET",
    source: "RESET",
    model: undefined,
    costNanoUsd: 0n,
    detail: undefined,
    reservationId: undefined,
  });
  const closed = [...moment.closed, closePeriod(own, instantUs)];
  const audited = auditedChange(operation, {
    action: "RESET_COST",
    createdAtUs: instantUs,
    before: spending(own),
    after: spending(opened),
  });
  return accept([opened, ...ancestors], { ...moment, closed }, { entry, audited });
}

/**
 * Takes a charge back, on each level on which it counted. The correction counts in the current period, even if the charge was
 * made in an earlier one, because closed periods are final.
 */
function refund({ path, charged }: Facts, operation: Refund, nowUs: InstantUs): Decision {
  const { project, user, chargeId } = operation;
  const [own] = path as readonly [Budget];
  const charge = charged?.entry;
  // A budget that was deleted and created again does not own the charges of its predecessor.
  const isOwnCharge =
    charge?.kind === "CHARGE" && charge.user === user && own.createdAtUs <= charge.createdAtUs;
  if (charged === undefined || charge === undefined || !isOwnCharge) {
    return refusal(path, { reason: "CHARGE_NOT_FOUND", project, requestId: chargeId });
  }
  const leftNanoUsd = charge.costNanoUsd - charged.refundedNanoUsd;
  const amountNanoUsd = operation.amountNanoUsd ?? leftNanoUsd;
  if (leftNanoUsd === 0n || amountNanoUsd > leftNanoUsd) {
    return refusal(path, { reason: "REFUND_EXCEEDS_CHARGE", project, requestId: chargeId, leftNanoUsd });
  }
  const levels = path.filter((budget) => budget.createdAtUs <= charge.createdAtUs);
  const moment = momentOf(levels, nowUs);
  const model = charge.model ?? "";
  const paidBack: Budget[] = [];
  for (const budget of moment.current) {
    const after = withAmounts(budget, { model, spentNanoUsd: -amountNanoUsd });
    if (after === undefined) return refusal(path, { reason: "AMOUNT_OVERFLOW", project, user: budget.user });
    paidBack.push(after);
  }
  const entry = entryOf(paidBack, operation, {
    kind: "CORRECTION",
    source: "REFUND",
    model: charge.model,
    costNanoUsd: -amountNanoUsd,
    detail: undefined,
    reservationId: charge.reservationId,
    correctsRequestId: chargeId,
  });
  const audited = auditedChange(operation, {
    action: "REFUND_COST",
    createdAtUs: entry.createdAtUs,
    before: undefined,
    after: refunded(chargeId, amountNanoUsd),
  });
  return accept(paidBack, moment, { entry, audited });
}

/**
 * The answer to a repeated request: amounts and period as they were right after the first one, settings as they are now.
 * Undefined when the request id is new.
 */
function replayOfEntry(
  { path, entry, openedReservation }: Facts,
  operation: Charge | Refund | Reset,
): Decision | undefined {
  if (entry === undefined) return openedReservation && reused(path, operation);
  if (!isSameRequest(entry.fingerprint, operation)) return reused(path, operation);
  const [stored] = path as readonly [Budget];
  const budget: Budget = {
    ...stored,
    totalNanoUsd: entry.totalAfterNanoUsd,
    spentNanoUsd: entry.spentAfterNanoUsd,
    heldNanoUsd: entry.heldAfterNanoUsd,
    periodId: entry.periodId,
    periodStartUs: entry.periodStartUs,
    periodEndUs: entry.periodEndUs,
    updatedAtUs: entry.createdAtUs,
  };
  return seenAs(path, budget, { entry, replayed: true });
}
