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
 * Decides one operation. Pure: the same facts, operation and instant always give the same decision. Checks run in the
 * order existence, replay, limit.
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

/** Settling frees the hold and charges the cost, above or below it, in one step. A hold that has ended is no obstacle. */
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

/** A reset touches its own budget only: ancestors have periods of their own. Holds stay: they are not spent. */
function reset({ path }: Facts, operation: Reset, nowUs: InstantUs): Decision {
  const [, ...ancestors] = path;
  const moment = momentOf(path.slice(0, 1), nowUs);
  const [own] = moment.current as readonly [Budget];
  // A period that ended by itself made room for one at this very instant, whose id it is: the next one needs another.
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
  return accept([opened, ...ancestors], { ...moment, closed }, { entry });
}

/**
 * Takes back what a charge cost, on each level on which it counted. The correction counts in the present period, whatever
 * period the charge was in: closed periods are final.
 */
function refund({ path, charged }: Facts, operation: Refund, nowUs: InstantUs): Decision {
  const { project, user, chargeId } = operation;
  const [own] = path as readonly [Budget];
  const charge = charged?.entry;
  // A budget that was deleted and created again does not have the charges of the one before.
  const isTheirs = charge?.kind === "CHARGE" && charge.user === user && own.createdAtUs <= charge.createdAtUs;
  if (charged === undefined || charge === undefined || !isTheirs) {
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
  const refunded: Budget[] = [];
  for (const budget of moment.current) {
    const after = withAmounts(budget, { model, spentNanoUsd: -amountNanoUsd });
    if (after === undefined) return refusal(path, { reason: "AMOUNT_OVERFLOW", project, user: budget.user });
    refunded.push(after);
  }
  const entry = entryOf(refunded, operation, {
    kind: "CORRECTION",
    source: "REFUND",
    model: charge.model,
    costNanoUsd: -amountNanoUsd,
    detail: undefined,
    reservationId: charge.reservationId,
    correctsRequestId: chargeId,
  });
  return accept(refunded, moment, { entry });
}

/** The first answer again: the amounts and the period of then, the settings of now. */
function replayOfEntry(
  { path, entry, opened }: Facts,
  operation: Charge | Refund | Reset,
): Decision | undefined {
  if (entry === undefined) return opened && reused(path, operation);
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
