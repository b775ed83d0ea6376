import { budgetKey } from "../../domain/budget.ts";
import type { InstantUs } from "../../domain/period.ts";
import { type Reservation, reservationKey } from "../../domain/reservation.ts";
import { writeChanges } from "../../store/changes.ts";
import type { Connection } from "../../store/connection.ts";
import { findEntries } from "../../store/ledger.ts";
import { lockBudgets } from "../../store/locks.ts";
import type { BudgetName, RequestName, ReservationName } from "../../store/names.ts";
import { findExpired, findReservations } from "../../store/reservations.ts";
import type { Store } from "../../store/store.ts";
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
  /** Whether an id was known, or could have been: the next batch does well to look up its ids at once. */
  repeats: boolean;
}

/** What an attempt does before it decides. Each costs a statement, and is needed seldom. */
interface Care {
  /** End what has run out in the projects. */
  expire: boolean;
  /** Look for what has the ids of the operations. */
  lookUp: boolean;
}

/** Thrown inside a transaction to have it rolled back and begun again with more care. */
class MoreCare extends Error {
  readonly care: Partial<Care>;

  constructor(care: Partial<Care>) {
    super("the batch begins again with more care");
    this.care = care;
  }
}

/**
 * One transaction for operations that have nothing to do with each other: lock, decide, write. Where a hold has run out,
 * or an id is known already, it begins again, ends the holds and looks up the ids: neither is asked for a statement of its
 * own where nothing is wrong.
 *
 * @param lookUp Whether ids are looked up at once: the caller expects repeated operations.
 */
export async function commitTogether(
  store: Store,
  ancestry: Ancestry,
  operations: readonly Operation[],
  { lookUp }: { lookUp: boolean },
): Promise<Committed> {
  const projects = [...new Set(operations.map((operation) => operation.project))];
  return commitWith(store, ancestry, operations, projects, { expire: false, lookUp });
}

/** Ends holds of a project that have run out, up to as many as one transaction ends. */
export const commitExpired = (store: Store, ancestry: Ancestry, project: string): Promise<Committed> =>
  commitWith(store, ancestry, [], [project], { expire: true, lookUp: false });

async function commitWith(
  store: Store,
  ancestry: Ancestry,
  operations: readonly Operation[],
  projects: readonly string[],
  least: Care,
): Promise<Committed> {
  let care = least;
  let before: Committed = { verdicts: [], expired: 0, changed: [], repeats: false };
  for (;;) {
    try {
      const committed = await store.transaction((connection) =>
        attempt(connection, ancestry, operations, projects, care),
      );
      if (committed.verdicts.length === operations.length) return merged(before, committed);
      before = merged(before, committed);
    } catch (error) {
      if (error instanceof MoreCare) care = { ...care, ...error.care };
      else if (error instanceof UnlockedParent) await ancestry.refresh(error);
      else throw error;
    }
  }
}

const merged = (before: Committed, last: Committed): Committed => ({
  verdicts: last.verdicts,
  expired: before.expired + last.expired,
  changed: [...before.changed, ...last.changed],
  repeats: last.repeats,
});

/**
 * One go at it, inside a transaction.
 *
 * @returns No verdicts where more has run out than fits in one transaction: that much was ended, and no more done.
 * @throws MoreCare, UnlockedParent: the transaction is to be rolled back and begun again.
 */
export async function attempt(
  connection: Connection,
  ancestry: Ancestry,
  operations: readonly Operation[],
  projects: readonly string[],
  care: Care,
): Promise<Committed> {
  const expiries = care.expire ? await expiriesIn(connection, projects) : [];
  const all = expiries.length < EXPIRED_MAX ? [...expiries, ...operations] : expiries;
  if (all.length === 0) return { verdicts: [], expired: 0, changed: [], repeats: false };
  const locked = await lockBudgets(connection, namesToLock(ancestry, all), care.expire ? [] : projects);
  if (locked.hasExpired) throw new MoreCare({ expire: true });
  // Statements of their own, begun after the locks are held: they see what the holders before us committed.
  const entries = await findEntries(connection, care.lookUp ? requestNames(operations) : []);
  const reservations = await findReservations(connection, reservationNames(all, care));
  if (runsOutUnseen(reservations, expiries, locked.nowUs)) throw new MoreCare({ expire: true });
  const { verdicts, changes } = decideBatch(all, { ...locked, entries, reservations });
  const repeats = verdicts.some(mayBeRepeated);
  if (repeats && !care.lookUp) throw new MoreCare({ lookUp: true });
  if (!(await writeChanges(connection, changes))) throw new MoreCare({ lookUp: true });
  const expired = changes.reservations.filter((change) => change.reservation.state === "EXPIRED").length;
  return {
    verdicts: verdicts.slice(expiries.length),
    expired,
    changed: changes.budgets,
    repeats,
  };
}

/** What was refused may have been done before, by its id: then the first answer goes before the refusal. */
const mayBeRepeated = (verdict: Verdict): boolean =>
  verdict.ok ? verdict.replayed : verdict.error.reason !== "BUDGET_NOT_FOUND";

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

/** The reservations that operations name, and with `lookUp` those that their request ids may have opened. */
function reservationNames(operations: readonly Operation[], { lookUp }: Care): ReservationName[] {
  const names = operations.flatMap((operation) => {
    const { requestId, reservationId } = idsOf(operation);
    return [lookUp ? requestId : undefined, reservationId]
      .filter((id) => id !== undefined)
      .map((id) => ({ project: operation.project, reservationId: id }));
  });
  return [...new Map(names.map((name) => [reservationKey(name.project, name.reservationId), name])).values()];
}
