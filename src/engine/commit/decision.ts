import type { AuditedChange } from "../../domain/audit.ts";
import { atInstant, type Budget, type ClosedPeriod, closePeriod, tick } from "../../domain/budget.ts";
import type { Entry } from "../../domain/entry.ts";
import type { BudgetError } from "../../domain/errors.ts";
import type { NanoUsd } from "../../domain/money.ts";
import type { InstantUs } from "../../domain/period.ts";
import type { Reservation } from "../../domain/reservation.ts";
import type { RecordRow } from "../../store/legacy-records.ts";
import type { ReservationChange } from "../../store/reservations.ts";
import type { Charge, Refund, Reserve, Reset, Verdict } from "./operation.ts";

/** What was read for one operation, while its budgets are locked. */
export interface Facts {
  /**
   * The budget and its ancestors, nearest first. Empty when the budget does not exist. For a refund: the budget and the
   * ancestors on which the charge counted.
   */
  path: readonly Budget[];
  /** The ledger entry that has the operation's request id. */
  entry?: Entry | undefined;
  /** The reservation that an earlier request with the operation's request id opened. */
  openedReservation?: Reservation | undefined;
  /** The reservation that the operation names. */
  reservation?: Reservation | undefined;
  /** The parent that the operation names, and the parent's ancestors, nearest first. Empty when the parent does not exist. */
  parentPath?: readonly Budget[] | undefined;
  /** The charge that a refund names. */
  charged?: Charged | undefined;
  /** Only for operations for which `needsBelow` is true. */
  below?: Below | undefined;
  /** The stored memory of the legacy record that a post changes. */
  record?: RecordRow | undefined;
}

/** A charge, and the sum of its refunds so far. */
export interface Charged {
  entry: Entry;
  refundedNanoUsd: NanoUsd;
}

/** The descendants of a budget, and the amounts that count on it. */
export interface Below {
  /** How many levels of budgets are below it. 0 when it has no children. */
  levels: number;
  /** Sums of its open reservations and of its descendants', by model. Empty when none is open. */
  heldByModel: ReadonlyMap<string, NanoUsd>;
  /** Amounts spent in its stored period, by model. */
  spentByModel: ReadonlyMap<string, NanoUsd>;
}

/** Which columns of the operation's own budget a decision writes. Each kind may also write the balances of its ancestors. */
export type Written = "balances" | "settings" | "created" | "deleted";

/** The result of deciding an operation: its verdict, the changed budgets, and the rows to write. A refusal writes nothing. */
export interface Decision {
  verdict: Verdict;
  /** The budgets after the operation. A budget that did not change is the same object as before. */
  path: readonly Budget[];
  written: Written;
  /** The rows to add to the ledger. */
  entries: readonly Recorded[];
  reservation: ReservationChange | undefined;
  closed: readonly ClosedPeriod[];
  /** The new memory of the legacy record. */
  record: RecordRow | undefined;
  /** The administrative changes, in the order in which they were made. */
  audited: readonly AuditedChange[];
}

type Accepted = Decision & { verdict: { ok: true } };

/** A new row of the ledger. */
export interface Recorded {
  entry: Entry;
  /** The budgets on which the entry counts, as they are right after it. */
  path: readonly Budget[];
}

/** Budgets in their current periods, at the instant of a decision. */
export interface Moment {
  current: readonly Budget[];
  /** Periods that ended before this instant and are not recorded yet. */
  closed: readonly ClosedPeriod[];
  instantUs: InstantUs;
}

const later = (a: InstantUs, b: InstantUs): InstantUs => (a > b ? a : b);

/** The budgets at one instant. It is `nowUs`, or later if one of the budgets was changed at `nowUs` or after it. */
export function momentOf(path: readonly Budget[], nowUs: InstantUs): Moment {
  const instantUs = path.reduce((latest, budget) => later(latest, tick(budget, nowUs)), nowUs);
  const current = path.map((budget) => ({ ...atInstant(budget, instantUs), updatedAtUs: instantUs }));
  return { current, instantUs, closed: path.flatMap((budget, level) => endedPeriod(budget, current[level])) };
}

/**
 * The stored period, as a list of none or one, if it has ended. A period in which nothing was spent is not recorded. Otherwise
 * the records would depend on when a sweep ran.
 */
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

/** @param path The budget and its ancestors, as they are right after the entry. */
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
  audited: [],
} as const;

/** The decision to do an operation: the path after it, and the rows to write. */
export function accept(
  path: readonly Budget[],
  { closed }: Pick<Moment, "closed">,
  rows: {
    entry?: Entry;
    reservation?: ReservationChange | undefined;
    written?: Written;
    audited?: readonly AuditedChange[];
  },
): Decision {
  const [budget] = path as readonly [Budget];
  const { entry, reservation, written = "balances", audited = NOTHING_WRITTEN.audited } = rows;
  const verdict: Verdict = {
    ok: true,
    budget,
    entry,
    reservation: reservation?.reservation,
    replayed: false,
    changed: true,
  };
  const entries = entry === undefined ? [] : [{ entry, path }];
  return { verdict, path, written, entries, reservation, closed, record: undefined, audited };
}

/** The decision to write nothing. The answer shows the budget in its current period. */
export function unchanged(
  path: readonly Budget[],
  nowUs: InstantUs,
  answer: { reservation?: Reservation; replayed?: boolean } = {},
): Accepted {
  const [stored] = path as readonly [Budget];
  return seenAs(path, atInstant(stored, nowUs), { replayed: false, ...answer });
}

/** The decision to write nothing. The answer shows `budget`. */
export const seenAs = (
  path: readonly Budget[],
  budget: Budget,
  answer: { entry?: Entry; reservation?: Reservation; replayed: boolean },
): Accepted => ({
  ...NOTHING_WRITTEN,
  path,
  verdict: { entry: undefined, reservation: undefined, ...answer, ok: true, budget, changed: false },
});

export const refusal = (path: readonly Budget[], error: BudgetError): Decision => ({
  ...NOTHING_WRITTEN,
  path,
  verdict: { ok: false, error },
});

/** REQUEST_ID_REUSED: another request has this id. */
export const reused = (
  path: readonly Budget[],
  { project, requestId }: Charge | Refund | Reset | Reserve,
): Decision => refusal(path, { reason: "REQUEST_ID_REUSED", project, requestId });
