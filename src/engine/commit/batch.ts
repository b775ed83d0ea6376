import type { AuditedChange } from "../../domain/audit.ts";
import { type Budget, budgetKey, type ClosedPeriod } from "../../domain/budget.ts";
import { type Entry, type ModelCost, requestKey } from "../../domain/entry.ts";
import type { InstantUs } from "../../domain/period.ts";
import type { Reservation } from "../../domain/reservation.ts";
import type { Changes } from "../../store/changes.ts";
import { type RecordRow, recordKey } from "../../store/legacy-records.ts";
import type { ReservationChange } from "../../store/reservations.ts";
import { decide } from "./decide.ts";
import type { Below, Charged, Facts, Written } from "./decision.ts";
import { newParentOf, type Operation, type Verdict } from "./operation.ts";

/** What a batch is decided on, read while its budgets are locked. */
export interface LockedState {
  /** By `budgetKey`. */
  budgets: ReadonlyMap<string, Budget>;
  /** Ledger entries that have a request id of the batch, by `requestKey`. */
  entries: ReadonlyMap<string, Entry>;
  /** Reservations whose id is a reservation id or a request id of the batch, by `reservationKey`. */
  reservations: ReadonlyMap<string, Reservation>;
  /** Charges that refunds of the batch name, by `requestKey`. */
  charges?: ReadonlyMap<string, Charged>;
  /** The descendants of the budget. Only when the batch is one operation for which `needsBelow` is true. */
  below?: Below | undefined;
  /** The stored memory of the legacy records that posts of the batch change, by `projectRecordKey`. */
  records?: ReadonlyMap<string, RecordRow>;
  /** The database's clock. */
  nowUs: InstantUs;
}

/** Identifies the stored memory of one record of LiteLLM's map. */
export const projectRecordKey = (project: string, row: RecordRow): string => `${project}\0${recordKey(row)}`;

/**
 * Decides operations in order. Each sees the changes of the operations before it. Pure.
 *
 * @returns One verdict for each operation, in order, and the rows to write.
 * @throws UnlockedParent
 */
export function decideBatch(
  operations: readonly Operation[],
  state: LockedState,
): { verdicts: Verdict[]; changes: Changes } {
  const budgets = new Map(state.budgets);
  const entries = new Map(state.entries);
  const reservations = new Map(state.reservations);
  const charges = new Map(state.charges);
  const records = new Map(state.records);
  const reservationChanges: ReservationChange[] = [];
  const written = new Map<string, Written>();
  const added: Entry[] = [];
  const closed: ClosedPeriod[] = [];
  const modelCosts = new Map<string, ModelCost>();
  const recordChanges = new Map<string, Changes["records"][number]>();
  const audited: AuditedChange[] = [];

  /** The charge that a refund names, also one of this batch. */
  const chargeOf = (key: string): Charged | undefined => {
    const entry = entries.get(key);
    return charges.get(key) ?? (entry && { entry, refundedNanoUsd: 0n });
  };

  const factsOf = (operation: Operation): Facts => {
    const { requestId, reservationId } = idsOf(operation);
    const idOf = (id: string | undefined): string => requestKey(operation.project, id ?? "");
    return {
      path: operation.kind === "refund" ? chargedPath(budgets, operation) : pathOf(budgets, operation),
      entry: entries.get(idOf(requestId)),
      openedReservation: reservations.get(idOf(requestId)),
      reservation: reservations.get(idOf(reservationId)),
      parentPath: pathOf(budgets, { project: operation.project, user: newParentOf(operation) }),
      charged: operation.kind === "refund" ? chargeOf(idOf(operation.chargeId)) : undefined,
      below: state.below,
      record:
        operation.kind === "post"
          ? records.get(projectRecordKey(operation.project, operation.after))
          : undefined,
    };
  };

  const verdicts = operations.map((operation) => {
    const { project } = operation;
    const decision = decide(factsOf(operation), operation, state.nowUs);
    for (const [level, budget] of decision.path.entries()) {
      const key = budgetKey(project, budget.user);
      if (decision.written === "deleted" && level === 0) budgets.delete(key);
      else if (budgets.get(key) === budget) continue;
      else budgets.set(key, budget);
      written.set(key, widest(written.get(key), level === 0 ? decision.written : "balances"));
    }
    for (const { entry, path } of decision.entries) {
      entries.set(requestKey(project, entry.requestId), entry);
      added.push(entry);
      addModelCosts(modelCosts, path, entry);
      if (operation.kind === "refund") {
        const key = requestKey(project, operation.chargeId);
        const charged = chargeOf(key);
        if (charged !== undefined) charges.set(key, afterRefund(charged, entry));
      }
    }
    if (decision.reservation !== undefined) {
      const { reservation } = decision.reservation;
      reservations.set(requestKey(project, reservation.reservationId), reservation);
      reservationChanges.push(decision.reservation);
    }
    if (operation.kind === "post" && decision.record !== undefined) {
      const key = projectRecordKey(project, decision.record);
      const isNew = operation.before === undefined || recordChanges.get(key)?.isNew === true;
      records.set(key, decision.record);
      recordChanges.set(key, { project, row: decision.record, isNew });
    }
    closed.push(...decision.closed);
    if (decision.audited.length > 0) audited.push(...decision.audited);
    return decision.verdict;
  });

  const writtenAs = (kind: Written): Budget[] =>
    [...written]
      .filter(([, each]) => each === kind)
      .map(([key]) => (budgets.get(key) ?? state.budgets.get(key)) as Budget);
  const changes: Changes = {
    budgets: writtenAs("balances"),
    settings: writtenAs("settings"),
    created: writtenAs("created"),
    deleted: writtenAs("deleted"),
    entries: added,
    modelCosts: [...modelCosts.values()],
    closed,
    reservations: reservationChanges,
    records: [...recordChanges.values()],
    audited,
  };
  return { verdicts, changes };
}

/** Operations of one batch may write different columns of one budget. The widest set includes the columns of the others. */
const WIDTH: Record<Written, number> = { balances: 0, settings: 1, created: 2, deleted: 3 };
const widest = (one: Written | undefined, other: Written): Written =>
  one !== undefined && WIDTH[one] > WIDTH[other] ? one : other;

/** Thrown when the parent of a locked budget is not locked. All locks must be taken again, in the order of their keys. */
export class UnlockedParent extends Error {
  constructor() {
    super("the parent of a locked budget is not locked");
  }
}

/** The budget and its ancestors, nearest first. Empty without a user or when the budget does not exist. @throws UnlockedParent */
function pathOf(
  budgets: ReadonlyMap<string, Budget>,
  { project, user }: { project: string; user: string | undefined },
): Budget[] {
  const path: Budget[] = [];
  for (let next = user; next !== undefined; next = path.at(-1)?.parent) {
    const budget = budgets.get(budgetKey(project, next));
    if (budget === undefined && path.length > 0) throw new UnlockedParent();
    if (budget === undefined) return [];
    path.push(budget);
  }
  return path;
}

/** The budget of a refund, and the ancestors on which the charge counted. Ancestors that were deleted are left out. */
function chargedPath(
  budgets: ReadonlyMap<string, Budget>,
  { project, user, chargedAncestors }: Operation & { kind: "refund" },
): Budget[] {
  const own = budgets.get(budgetKey(project, user));
  if (own === undefined) return [];
  const ancestors = chargedAncestors.map((ancestor) => budgets.get(budgetKey(project, ancestor)));
  return [own, ...ancestors.filter((budget) => budget !== undefined)];
}

/** The operation's own request id, and the id of the reservation that it names. */
export const idsOf = (operation: Operation): { requestId?: string; reservationId?: string | undefined } =>
  operation as { requestId?: string; reservationId?: string };

const afterRefund = (charged: Charged, { costNanoUsd }: Entry): Charged => ({
  ...charged,
  refundedNanoUsd: charged.refundedNanoUsd - costNanoUsd,
});

function addModelCosts(sums: Map<string, ModelCost>, path: readonly Budget[], entry: Entry): void {
  if (entry.model === undefined) return;
  for (const { project, user, periodId } of path) {
    const key = `${budgetKey(project, user)}\0${periodId}\0${entry.model}`;
    const before = sums.get(key)?.costNanoUsd ?? 0n;
    sums.set(key, { project, user, periodId, model: entry.model, costNanoUsd: before + entry.costNanoUsd });
  }
}
