import { atInstant, type Budget, type ClosedPeriod, closePeriod, tick } from "../../domain/budget.ts";
import type { Entry } from "../../domain/entry.ts";
import type { BudgetError } from "../../domain/errors.ts";
import type { InstantUs } from "../../domain/period.ts";
import type { Reservation } from "../../domain/reservation.ts";
import type { ReservationChange } from "../../store/reservations.ts";
import type { Charge, Reserve, Reset, Verdict } from "./operation.ts";

/** What was read, under the locks, for one operation. */
export interface Facts {
  /** The budget and its ancestors, nearest first; empty when there is no such budget. */
  path: readonly Budget[];
  /** The ledger's entry with the operation's request id. */
  entry: Entry | undefined;
  /** The reservation that the operation's request id has opened. */
  opened: Reservation | undefined;
  /** The reservation that the operation names. */
  reservation: Reservation | undefined;
}

/** What an operation does to what was locked for it. A refused one does nothing. */
export interface Decision {
  verdict: Verdict;
  /** As given, where nothing changed. */
  path: readonly Budget[];
  /** The row to add to the ledger. */
  entry: Entry | undefined;
  reservation: ReservationChange | undefined;
  closed: readonly ClosedPeriod[];
}

/** A decision in the making: the budgets as they are at its instant. */
export interface Moment {
  current: readonly Budget[];
  closed: readonly ClosedPeriod[];
  instantUs: InstantUs;
}

const later = (a: InstantUs, b: InstantUs): InstantUs => (a > b ? a : b);

/** The budgets at one instant that is after the last change of each of them. */
export function momentOf(path: readonly Budget[], nowUs: InstantUs): Moment {
  const instantUs = path.reduce((latest, budget) => later(latest, tick(budget, nowUs)), nowUs);
  const current = path.map((budget) => ({ ...atInstant(budget, instantUs), updatedAtUs: instantUs }));
  return { current, instantUs, closed: path.flatMap((budget, level) => endedPeriod(budget, current[level])) };
}

/** A window in which nothing was spent leaves no record, so that records do not depend on when a sweep ran. */
export function endedPeriod(stored: Budget, current: Budget | undefined): ClosedPeriod[] {
  const ended = current !== undefined && current.periodId !== stored.periodId;
  if (!ended || stored.spentNanoUsd === 0n || stored.periodEndUs === undefined) return [];
  return [closePeriod(stored, stored.periodEndUs)];
}

export type EntryContent = Pick<
  Entry,
  "kind" | "source" | "model" | "costNanoUsd" | "detail" | "reservationId"
>;

export function entryOf(
  path: readonly Budget[],
  operation: { project: string; user: string; requestId: string; fingerprint: string },
  content: EntryContent,
): Entry {
  const [budget, ...ancestors] = path as readonly [Budget, ...Budget[]];
  return {
    ...content,
    project: operation.project,
    requestId: operation.requestId,
    user: operation.user,
    fingerprint: operation.fingerprint,
    ancestors: ancestors.map((ancestor) => ancestor.user),
    periodId: budget.periodId,
    periodStartUs: budget.periodStartUs,
    periodEndUs: budget.periodEndUs,
    spentAfterNanoUsd: budget.spentNanoUsd,
    heldAfterNanoUsd: budget.heldNanoUsd,
    totalAfterNanoUsd: budget.totalNanoUsd,
    createdAtUs: budget.updatedAtUs,
  };
}

export function accept(
  path: readonly Budget[],
  { closed }: Pick<Moment, "closed">,
  written: { entry?: Entry; reservation?: ReservationChange | undefined },
): Decision {
  const [budget] = path as readonly [Budget];
  const { entry, reservation } = written;
  const verdict: Verdict = {
    ok: true,
    budget,
    entry,
    reservation: reservation?.reservation,
    replayed: false,
  };
  return { verdict, path, entry, reservation, closed };
}

export const NO_CHANGE = { entry: undefined, reservation: undefined, closed: [] };

/** Nothing is written: the budget is seen as it is now, which may be in a period that nobody has written down yet. */
export function unchanged(
  path: readonly Budget[],
  reservation: Reservation,
  nowUs: InstantUs,
  replayed = false,
): Decision {
  const [stored] = path as readonly [Budget];
  const budget = atInstant(stored, nowUs);
  return { ...NO_CHANGE, path, verdict: { ok: true, budget, entry: undefined, reservation, replayed } };
}

export const refusal = (path: readonly Budget[], error: BudgetError): Decision => ({
  ...NO_CHANGE,
  path,
  verdict: { ok: false, error },
});

export const reused = (path: readonly Budget[], { project, requestId }: Charge | Reset | Reserve): Decision =>
  refusal(path, { reason: "REQUEST_ID_REUSED", project, requestId });
