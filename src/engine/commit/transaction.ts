import type { InstantUs } from "../../domain/period.ts";
import { type Reservation, reservationKey } from "../../domain/reservation.ts";
import { writeChanges } from "../../store/changes.ts";
import type { Connection } from "../../store/connection.ts";
import { findLocked, lockBudgets } from "../../store/locks.ts";
import type { BudgetName } from "../../store/names.ts";
import { LockTimeout } from "../../store/outage.ts";
import { type ExpiredSearch, findExpired, findExpiredOn } from "../../store/reservations.ts";
import type { Store } from "../../store/store.ts";
import type { Ancestry } from "./ancestry.ts";
import { decideBatch, idsOf, type LockedState, UnlockedParent } from "./batch.ts";
import { readLockedState } from "./locked-state.ts";
import { keysOf, namesOf, namesToLock, projectsOf } from "./names.ts";
import { type Expire, needsBelow, type Operation, type Verdict } from "./operation.ts";
import { makeRequestId } from "./request-id.ts";

/** Expired holds that one transaction ends, at most. Other transactions can run between two such slices. */
const EXPIRED_MAX = 500;
/** Restarts of a batch, at most. Retries after a failure of the database do not count. Concurrent moves of the tree need 2 or 3. */
const RESTARTS_MAX = 20;
/** Restarts of a batch of several operations because of a lock that no budget explains. */
const LOCK_TIMEOUTS_MAX = 2;

export interface Committed {
  /** One for each operation, in order. */
  verdicts: Verdict[];
  /** How many expired holds were ended, before the operations. */
  expired: number;
  changed: readonly BudgetName[];
  /** Whether an operation was a repeated one, or could have been. Then the next batch should look up its ids at once. */
  repeats: boolean;
  /** Whether a project of the batch had expired holds, on budgets of the batch or on others. */
  hasExpired: boolean;
}

/** What every batch needs to be committed. */
export interface CommitContext {
  store: Store;
  ancestry: Ancestry;
  /** How long a transaction waits for one lock. */
  lockTimeoutMs: number;
  /** The `budgetKey` of each busy budget. Expired holds on it are left for later, unless the batch needs it. */
  busyKeys: () => ReadonlySet<string>;
}

/**
 * Thrown when a batch would have to wait: another session has locked some of its budgets, or they have more expired holds than
 * one transaction can end. Operations on other budgets need not wait.
 */
export class BudgetsBusy extends Error {
  /** The `budgetKey` of each busy budget. */
  readonly keys: ReadonlySet<string>;
  /** The expired holds that were ended and committed nevertheless. Undefined when there were none. */
  readonly progress: Committed | undefined;

  constructor(keys: ReadonlySet<string>, progress?: Committed) {
    super("budgets are locked by another session, or have many expired holds");
    this.keys = keys;
    this.progress = progress;
  }
}

/** Thrown when a batch has restarted too often. One of its operations may be the cause. */
export class TooManyRestarts extends Error {
  constructor(options: ErrorOptions) {
    super(`a batch has restarted ${RESTARTS_MAX} times`, options);
  }
}

/** What an attempt may do beside locking, deciding and writing. Each extra costs a statement, and is seldom needed. */
interface Extras {
  /** Finds the expired holds to end first. */
  expired: ((connection: Connection, search: ExpiredSearch) => Promise<Reservation[]>) | undefined;
  /** Whether to look up entries and reservations by the request ids of the operations. */
  lookUp: boolean;
}

/** Thrown inside a transaction. It is rolled back, and the batch restarts with one more extra. */
class RestartWith extends Error {
  readonly extra: "expired" | "lookUp";

  constructor(extra: "expired" | "lookUp") {
    super(`the batch restarts with ${extra}`);
    this.extra = extra;
  }
}

/**
 * Commits independent operations in one transaction: lock, decide, write. If a hold has expired, or a request id is not new, the
 * batch restarts; then it first ends the expired holds, or looks up the ids. In the common case, neither costs an extra
 * statement.
 *
 * @param lookUp Whether to look up the request ids at once, because repeated operations are likely.
 * @throws BudgetsBusy, TooManyRestarts, and what the store throws
 */
export const commitTogether = (
  context: CommitContext,
  operations: readonly Operation[],
  { lookUp }: { lookUp: boolean },
): Promise<Committed> => commitWith(context, operations, { expired: undefined, lookUp });

/**
 * Ends one slice of the expired holds of a project, or with `user` of those that count on one of its budgets. Holds on busy
 * budgets are left for later.
 */
export const commitExpired = (
  context: CommitContext,
  { project, user }: { project: string; user: string | undefined },
): Promise<Committed> => {
  const expired: Extras["expired"] = (connection, search) =>
    user === undefined
      ? findExpired(connection, project, search)
      : findExpiredOn(connection, [{ project, user }], search);
  return commitWith(context, [], { expired, lookUp: false });
};

async function commitWith(
  { store, ancestry, lockTimeoutMs, busyKeys }: CommitContext,
  operations: readonly Operation[],
  first: Extras,
): Promise<Committed> {
  let extras = first;
  let before: Committed = { verdicts: [], expired: 0, changed: [], repeats: false, hasExpired: false };
  /** Budgets that another session has locked, and that are needed only to end expired holds. */
  const avoided = new Set<string>();
  /** The budgets that the last attempt wanted to lock. */
  let tried: readonly BudgetName[] = [];
  const attempt: Attempt = { operations, ancestry, avoided: () => avoided.union(busyKeys()) };
  // The operation that waits for an id of another session is looked for soon, because its neighbours wait with it.
  const lockTimeoutsMax = operations.length > 1 ? LOCK_TIMEOUTS_MAX : RESTARTS_MAX;
  for (let restarts = 0; ; restarts++) {
    try {
      const committed = await store.transaction(
        (connection) => commitOnce(connection, attempt, extras, (names) => (tried = names)),
        { lockTimeoutMs },
      );
      if (committed.verdicts.length === operations.length) return merged(before, committed);
      if (committed.expired >= EXPIRED_MAX)
        throw new BudgetsBusy(keysOf(committed.changed), merged(before, committed));
      before = merged(before, committed);
      if (restarts >= RESTARTS_MAX) throw new BudgetsBusy(keysOf(committed.changed), before);
    } catch (error) {
      if (error instanceof BudgetsBusy) throw error;
      if (error instanceof RestartWith) extras = withExtra(extras, error.extra, attempt);
      // Refreshes the hints of all budgets: if the tree has changed, more than one hint may be stale.
      else if (error instanceof UnlockedParent) await ancestry.refresh(tried);
      else if (error instanceof LockTimeout) await noteLocked();
      else throw error;
      if (restarts >= (error instanceof LockTimeout ? lockTimeoutsMax : RESTARTS_MAX)) {
        throw new TooManyRestarts({ cause: error });
      }
    }
  }

  /**
   * Finds out which budgets are locked by other sessions. If there are none, the locks are free again, or the batch waited for
   * another transaction that inserts one of its ids. In both cases it restarts.
   */
  async function noteLocked(): Promise<void> {
    // It locks the free ones for the length of a statement, so it is no read.
    const locked = keysOf(await store.write((connection) => findLocked(connection, tried)));
    const needed = keysOf(namesToLock(ancestry, operations)).intersection(locked);
    if (needed.size > 0) throw new BudgetsBusy(needed, before.expired > 0 ? before : undefined);
    for (const key of locked) avoided.add(key);
  }
}

const merged = (before: Committed, last: Committed): Committed => ({
  ...last,
  expired: before.expired + last.expired,
  changed: [...before.changed, ...last.changed],
});

function withExtra(extras: Extras, extra: RestartWith["extra"], { operations, ancestry }: Attempt): Extras {
  if (extra === "lookUp") return { ...extras, lookUp: true };
  const names = namesToLock(ancestry, operations);
  return { ...extras, expired: (connection, search) => findExpiredOn(connection, names, search) };
}

interface Attempt {
  operations: readonly Operation[];
  ancestry: Ancestry;
  /** Budgets, by `budgetKey`, that the batch must not lock only to end expired holds. It may if its operations need them. */
  avoided: () => ReadonlySet<string>;
}

/**
 * Makes one attempt, inside a transaction.
 *
 * @param onNames Called with the budgets that are about to be locked.
 * @returns The verdicts. None, if this transaction only ended expired holds and the operations need another one.
 * @throws RestartWith, UnlockedParent: the transaction must be rolled back, and the batch restarts.
 */
async function commitOnce(
  connection: Connection,
  { operations, ancestry, avoided }: Attempt,
  extras: Extras,
  onNames: (names: readonly BudgetName[]) => void,
): Promise<Committed> {
  const needed = namesToLock(ancestry, operations);
  // Ending a hold changes all budgets on which it counts. If one of them is busy, the hold stays for later.
  const search = (): ExpiredSearch => ({
    except: namesOf(avoided().difference(keysOf(needed))),
    limit: EXPIRED_MAX,
  });
  const expired = extras.expired === undefined ? [] : await extras.expired(connection, search());
  const expiries = expired.map(expiryOf);
  // An operation that reads what is below its budget needs a batch of its own, so expired holds are ended in one before it.
  const isSlice = expiries.length > 0 && (expiries.length >= EXPIRED_MAX || operations.some(needsBelow));
  const all = isSlice ? expiries : [...expiries, ...operations];
  if (all.length === 0) return { verdicts: [], expired: 0, changed: [], repeats: false, hasExpired: true };
  const names = expiries.length === 0 ? needed : namesToLock(ancestry, all);
  onNames(names);
  const projects = extras.expired === undefined ? projectsOf(operations) : [];
  const locked = await lockBudgets(connection, names, projects);
  if (locked.hasExpired) throw new RestartWith("expired");
  // These are separate statements that begin after the locks are held, so they see what earlier holders of the locks committed.
  const state: LockedState = { ...locked, ...(await readLockedState(connection, all, extras)) };
  if (expiredUnseen(state.reservations, needed, expiries, locked.nowUs)) throw new RestartWith("expired");
  const { verdicts, changes } = decideBatch(all, state);
  const repeats = verdicts.some((verdict, index) => mayBeRepeated(verdict, all[index] as Operation));
  if (repeats && !extras.lookUp) throw new RestartWith("lookUp");
  if (!(await writeChanges(connection, changes))) throw new RestartWith("lookUp");
  return {
    verdicts: verdicts.slice(expiries.length),
    expired: changes.reservations.filter((change) => change.reservation.state === "EXPIRED").length,
    changed: [...changes.budgets, ...changes.settings, ...changes.created, ...changes.deleted],
    repeats,
    hasExpired: extras.expired !== undefined,
  };
}

/**
 * Whether an operation may be a repeated one. A refused operation may have been done before, under the same request id. Then the
 * first answer has precedence over the refusal.
 */
const mayBeRepeated = (verdict: Verdict, operation: Operation): boolean =>
  verdict.ok
    ? verdict.replayed && operation.kind !== "create"
    : verdict.error.reason !== "BUDGET_NOT_FOUND" && idsOf(operation).requestId !== undefined;

/**
 * Whether a hold that an operation names has expired, but is not among those that this transaction ends. A hold on a budget
 * that no operation needs does not matter: an operation that names it is refused, whatever its state.
 */
function expiredUnseen(
  reservations: ReadonlyMap<string, Reservation>,
  needed: readonly BudgetName[],
  expiries: readonly Expire[],
  nowUs: InstantUs,
): boolean {
  const seen = new Set(expiries.map((expiry) => reservationKey(expiry.project, expiry.reservationId)));
  const unseen = [...reservations]
    .filter(([key, { state, expiresAtUs }]) => state === "HELD" && expiresAtUs <= nowUs && !seen.has(key))
    .map(([, reservation]) => reservation);
  return unseen.length > 0 && !keysOf(needed).isDisjointFrom(keysOf(unseen));
}

const expiryOf = ({ project, user, reservationId, ancestors }: Reservation): Expire => ({
  kind: "expire",
  project,
  user,
  reservationId,
  ancestors,
  requestId: makeRequestId(),
});
