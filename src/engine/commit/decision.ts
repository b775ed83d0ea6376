import { atInstant, type Budget, type ClosedPeriod, closePeriod, tick } from "../../domain/budget.ts";
import type { Entry } from "../../domain/entry.ts";
import type { BudgetError } from "../../domain/errors.ts";
import type { NanoUsd } from "../../domain/money.ts";
import type { InstantUs } from "../../domain/period.ts";
import type { Reservation } from "../../domain/reservation.ts";
import type { RecordRow } from "../../store/legacy-records.ts";
import type { ReservationChange } from "../../store/reservations.ts";
import type { Charge, Refund, Reserve, Reset, Verdict } from "./operation.ts";

/** What was read, under the locks, for one operation. */
export interface Facts {
  /**
   * The budget and its ancestors, nearest first; empty when there is no such budget. Of a refund, the budget and those
   * ancestors on which the charge counted.
   */
  path: readonly Budget[];
  /** The ledger's entry with the operation's request id. */
  entry?: Entry | undefined;
  /** The reservation that the operation's request id has opened. */
  opened?: Reservation | undefined;
  /** The reservation that the operation names. */
  reservation?: Reservation | undefined;
  /** The parent that the operation names and its ancestors, nearest first; empty when there is no such budget. */
  parentPath?: readonly Budget[] | undefined;
  /** The charge that a refund names. */
  charged?: Charged | undefined;
  /** Only for operations of which `needsBelow` is true. */
  below?: Below | undefined;
  /** What is remembered of the record that a post is about. */
  record?: RecordRow | undefined;
}

/** A charge, and how much of it was refunded. */
export interface Charged {
  entry: Entry;
  refundedNanoUsd: NanoUsd;
}

/** What lies below a budget, or counts on it. */
export interface Below {
  /** Levels of budgets below it: 0 when it has no children. */
  levels: number;
  /** What open reservations hold on it, by model. Empty when none is open. */
  heldByModel: ReadonlyMap<string, NanoUsd>;
  /** What its stored period spent, by model. */
  spentByModel: ReadonlyMap<string, NanoUsd>;
}

/** Which columns of the operation's own budget a decision writes. The ancestors' balances may change with any of them. */
export type Written = "balances" | "settings" | "created" | "deleted";

/** What an operation does to what was locked for it. A refused one does nothing. */
export interface Decision {
  verdict: Verdict;
  /** The budgets after the operation: those that did not change are the same objects as before. */
  path: readonly Budget[];
  written: Written;
  /** The rows to add to the ledger, each with the budgets right after it, on which it counts. */
  entries: readonly Recorded[];
  reservation: ReservationChange | undefined;
  closed: readonly ClosedPeriod[];
  /** What to remember of a record from now on. */
  record: RecordRow | undefined;
}

type Accepted = Decision & { verdict: { ok: true } };

/** A new row of the ledger, and the budgets on which it counts. */
export interface Recorded {
  entry: Entry;
  path: readonly Budget[];
}

/** The budgets as they are at the instant of a decision. */
export interface Moment {
  current: readonly Budget[];
  /** Periods that had ended by then and are not recorded yet. */
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
> &
  Partial<Pick<Entry, "correctsRequestId">>;

export function entryOf(
  path: readonly Budget[],
  operation: { project: string; user: string; requestId: string; fingerprint: string },
  content: EntryContent,
): Entry {
  const [budget, ...ancestors] = path as readonly [Budget, ...Budget[]];
  return {
    correctsRequestId: undefined,
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

const NOTHING_WRITTEN = {
  written: "balances",
  entries: [],
  reservation: undefined,
  closed: [],
  record: undefined,
} as const;

/** The decision of an operation that is done: the path after it, and the rows to write. */
export function accept(
  path: readonly Budget[],
  { closed }: Pick<Moment, "closed">,
  rows: { entry?: Entry; reservation?: ReservationChange | undefined; written?: Written },
): Decision {
  const [budget] = path as readonly [Budget];
  const { entry, reservation, written = "balances" } = rows;
  const verdict: Verdict = {
    ok: true,
    budget,
    entry,
    reservation: reservation?.reservation,
    replayed: false,
    changed: true,
  };
  const entries = entry === undefined ? [] : [{ entry, path }];
  return { verdict, path, written, entries, reservation, closed, record: undefined };
}

/** The decision of an operation that writes nothing: the answer shows the budget as it is now, in its present period. */
export function unchanged(
  path: readonly Budget[],
  nowUs: InstantUs,
  told: { reservation?: Reservation; replayed?: boolean } = {},
): Accepted {
  const [stored] = path as readonly [Budget];
  return seenAs(path, atInstant(stored, nowUs), { replayed: false, ...told });
}

/** The decision of an operation that writes nothing, with the budget that the answer shall show. */
export const seenAs = (
  path: readonly Budget[],
  budget: Budget,
  told: { entry?: Entry; reservation?: Reservation; replayed: boolean },
): Accepted => ({
  ...NOTHING_WRITTEN,
  path,
  verdict: { entry: undefined, reservation: undefined, ...told, ok: true, budget, changed: false },
});

export const refusal = (path: readonly Budget[], error: BudgetError): Decision => ({
  ...NOTHING_WRITTEN,
  path,
  verdict: { ok: false, error },
});

export const reused = (
  path: readonly Budget[],
  { project, requestId }: Charge | Refund | Reset | Reserve,
): Decision => refusal(path, { reason: "REQUEST_ID_REUSED", project, requestId });
