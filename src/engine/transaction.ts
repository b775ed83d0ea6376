import { budgetKey } from "../domain/budget.ts";
import {
  type BudgetName,
  findEntries,
  lockBudgets,
  type RequestName,
  writeChanges,
} from "../store/batches.ts";
import type { Connection } from "../store/connection.ts";
import { findExpired, findReservations, type ReservationName } from "../store/reservations.ts";
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
  for (;;) {
    try {
      return await store.transaction((connection) => attempt(connection, ancestry, operations, projects));
    } catch (error) {
      if (!(error instanceof UnlockedParent)) throw error;
      await ancestry.refresh(error);
    }
  }
}

async function attempt(
  connection: Connection,
  ancestry: Ancestry,
  operations: readonly Operation[],
  projects: readonly string[],
): Promise<Committed> {
  const expiries = await expiriesIn(connection, projects);
  const all = [...expiries, ...operations];
  if (all.length === 0) return { verdicts: [], expired: 0, changed: [] };
  const { budgets, nowUs } = await lockBudgets(connection, namesToLock(ancestry, all));
  // Statements of their own, begun after the locks are held: they see what the holders before us committed.
  const entries = await findEntries(connection, requestNames(operations));
  const reservations = await findReservations(connection, reservationNames(all));
  const { verdicts, changes } = decideBatch(all, { budgets, entries, reservations, nowUs });
  if (!(await writeChanges(connection, changes))) throw new TryAgain();
  const expired = changes.reservations.filter((change) => change.reservation.state === "EXPIRED").length;
  return { verdicts: verdicts.slice(expiries.length), expired, changed: changes.budgets };
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
  for (const { project, user } of operations) {
    const key = budgetKey(project, user);
    if (names.has(key)) continue;
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
  return [...new Map(names.map((name) => [`${name.project}\0${name.reservationId}`, name])).values()];
}
