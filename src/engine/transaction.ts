import { budgetKey } from "../domain/budget.ts";
import type { InstantUs } from "../domain/period.ts";
import { type Reservation, reservationKey } from "../domain/reservation.ts";
import { findEntries, lockBudgets, writeChanges } from "../store/batches.ts";
import type { Connection } from "../store/connection.ts";
import type { BudgetName, RequestName, ReservationName } from "../store/names.ts";
import { findExpired, findReservations } from "../store/reservations.ts";
import { type Store, TryAgain } from "../store/store.ts";
import type { Ancestry } from "./ancestry.ts";
import { decideBatch, idsOf, UnlockedParent } from "./batch.ts";
import type { Expire, Operation, Verdict } from "./operation.ts";
import { makeRequestId } from "./request-id.ts";

/** Holds that one transaction ends because they have run out, at most. */
const EXPIRED_MAX = 1000;

export interface Committed {
  /** One for each operation, in order. */
  verdicts: Verdict[];
  /** How many holds had run out and were ended, before the operations. */
  expired: number;
  /** The budgets that are not as they were. */
  changed: readonly BudgetName[];
}

/**
 * One transaction for operations that have nothing to do with each other: end what has run out, lock, look up, decide,
 * write.
 *
 * @param projects Whose holds to end; those of the operations, and perhaps others.
 */
export async function commitTogether(
  store: Store,
  ancestry: Ancestry,
  operations: readonly Operation[],
  projects: readonly string[] = [...new Set(operations.map((operation) => operation.project))],
): Promise<Committed> {
  let before: Committed = { verdicts: [], expired: 0, changed: [] };
  for (;;) {
    try {
      const committed = await store.transaction((connection) =>
        attempt(connection, ancestry, operations, projects),
      );
      if (committed.verdicts.length === operations.length) return merged(before, committed);
      before = merged(before, committed);
    } catch (error) {
      if (!(error instanceof UnlockedParent)) throw error;
      await ancestry.refresh(error);
    }
  }
}

const merged = (before: Committed, last: Committed): Committed => ({
  verdicts: last.verdicts,
  expired: before.expired + last.expired,
  changed: [...before.changed, ...last.changed],
});

/** @returns No verdicts where more has run out than fits in one transaction: that much was ended, and no more done. */
async function attempt(
  connection: Connection,
  ancestry: Ancestry,
  operations: readonly Operation[],
  projects: readonly string[],
): Promise<Committed> {
  const expiries = await expiriesIn(connection, projects);
  const all = expiries.length < EXPIRED_MAX ? [...expiries, ...operations] : expiries;
  if (all.length === 0) return { verdicts: [], expired: 0, changed: [] };
  const { budgets, nowUs } = await lockBudgets(connection, namesToLock(ancestry, all));
  // Statements of their own, begun after the locks are held: they see what the holders before us committed.
  const entries = await findEntries(connection, requestNames(operations));
  const reservations = await findReservations(connection, reservationNames(all));
  if (runsOutUnseen(reservations, expiries, nowUs)) throw new TryAgain();
  const { verdicts, changes } = decideBatch(all, { budgets, entries, reservations, nowUs });
  if (!(await writeChanges(connection, changes))) throw new TryAgain();
  const expired = changes.reservations.filter((change) => change.reservation.state === "EXPIRED").length;
  return { verdicts: verdicts.slice(expiries.length), expired, changed: changes.budgets };
}

/** Whether a hold that an operation names has run out while the locks were waited for. */
function runsOutUnseen(
  reservations: ReadonlyMap<string, Reservation>,
  expiries: readonly Expire[],
  nowUs: InstantUs,
): boolean {
  const seen = new Set(expiries.map((expiry) => reservationKey(expiry.project, expiry.reservationId)));
  return [...reservations].some(
    ([key, { state, expiresAtUs }]) => state === "HELD" && expiresAtUs <= nowUs && !seen.has(key),
  );
}

/** Whoever touches a project ends what has run out in it first, so that nobody waits for the sweep. */
async function expiriesIn(connection: Connection, projects: readonly string[]): Promise<Expire[]> {
  const expired = await findExpired(connection, projects, EXPIRED_MAX);
  return expired.map(({ project, user, reservationId }) => ({
    kind: "expire",
    project,
    user,
    reservationId,
    requestId: makeRequestId(),
  }));
}

function namesToLock(ancestry: Ancestry, operations: readonly Operation[]): BudgetName[] {
  const names = new Map<string, BudgetName>();
  const looked = new Set<string>();
  for (const { project, user } of operations) {
    const key = budgetKey(project, user);
    // Not whether it is in `names`: it may be there as the ancestor that a stale hint takes it for, without its own.
    if (looked.has(key)) continue;
    looked.add(key);
    names.set(key, { project, user });
    for (const ancestor of ancestry.of({ project, user })) {
      names.set(budgetKey(project, ancestor), { project, user: ancestor });
    }
  }
  return [...names.values()];
}

const requestNames = (operations: readonly Operation[]): RequestName[] =>
  operations.flatMap((operation) => {
    const { requestId } = idsOf(operation);
    return requestId === undefined ? [] : [{ project: operation.project, requestId }];
  });

/** The reservations that operations name, and those that their request ids may have opened. */
function reservationNames(operations: readonly Operation[]): ReservationName[] {
  const names = operations.flatMap((operation) => {
    const { requestId, reservationId } = idsOf(operation);
    return [requestId, reservationId]
      .filter((id) => id !== undefined)
      .map((id) => ({ project: operation.project, reservationId: id }));
  });
  return [...new Map(names.map((name) => [reservationKey(name.project, name.reservationId), name])).values()];
}
