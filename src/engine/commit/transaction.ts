import { budgetKey } from "../../domain/budget.ts";
import type { InstantUs } from "../../domain/period.ts";
import { type Reservation, reservationKey } from "../../domain/reservation.ts";
import { writeChanges } from "../../store/changes.ts";
import type { Connection } from "../../store/connection.ts";
import { findLocked, lockBudgets } from "../../store/locks.ts";
import type { BudgetName } from "../../store/names.ts";
import { LockTimeout } from "../../store/outage.ts";
import { findExpired, findExpiredOn } from "../../store/reservations.ts";
import type { Store } from "../../store/store.ts";
import type { Ancestry } from "./ancestry.ts";
import { decideBatch, type Ground, idsOf, UnlockedParent } from "./batch.ts";
import { readGround } from "./ground.ts";
import { keysOf, namesToLock, projectsOf } from "./names.ts";
import { type Expire, needsBelow, type Operation, type Verdict } from "./operation.ts";
import { makeRequestId } from "./request-id.ts";

/** Expired holds that one transaction ends, at most: other transactions run between two such slices. */
const EXPIRED_MAX = 500;
/** Times that a batch begins again for a reason of its own, at most. Concurrent moves of the tree need two or three. */
const RESTARTS_MAX = 20;

export interface Committed {
  /** One for each operation, in order. */
  verdicts: Verdict[];
  /** How many expired holds were ended, before the operations. */
  expired: number;
  /** The budgets that were changed. */
  changed: readonly BudgetName[];
  /** Whether an id was known, or could have been: the next batch does well to look up its ids at once. */
  repeats: boolean;
  /** Whether holds have expired in a project of the batch, on its budgets or on others. */
  sawExpired: boolean;
}

/** What a batch is committed with. */
export interface CommitContext {
  store: Store;
  ancestry: Ancestry;
  /** How long a transaction waits for one lock. */
  lockTimeoutMs: number;
  /** Whether expired holds on a budget are to be left alone, because somebody else has it locked. By `budgetKey`. */
  isBusy: (key: string) => boolean;
}

/**
 * Thrown when a batch cannot be committed soon: another session holds the locks of some of its budgets, or so many holds
 * on them have expired that one transaction cannot end them all. Operations on other budgets need not wait for that.
 */
export class BudgetsBusy extends Error {
  /** By `budgetKey`. */
  readonly keys: ReadonlySet<string>;
  /** What was committed all the same: expired holds that were ended. */
  readonly progress: Committed | undefined;

  constructor(keys: ReadonlySet<string>, progress?: Committed) {
    super("budgets are locked by another session, or have many expired holds");
    this.keys = keys;
    this.progress = progress;
  }
}

/** Thrown when a batch has begun again too often. One of its operations may be the cause. */
export class TooManyRestarts extends Error {
  constructor(options: ErrorOptions) {
    super(`a batch has begun again ${RESTARTS_MAX} times`, options);
  }
}

/** What an attempt does beside locking, deciding and writing. Each costs a statement, and is seldom needed. */
interface Extras {
  /** Finds the expired holds to end first. */
  expired: ((connection: Connection) => Promise<Reservation[]>) | undefined;
  /** Whether to look for entries and reservations that have the ids of the operations. */
  lookUp: boolean;
}

/** Thrown inside a transaction, so that it is rolled back and begins again with more extras. */
class TryAgain extends Error {
  readonly extra: "expired" | "lookUp";

  constructor(extra: "expired" | "lookUp") {
    super(`the batch begins again, with ${extra}`);
    this.extra = extra;
  }
}

/**
 * One transaction for operations that have nothing to do with each other: lock, decide, write. Where a hold has expired, or
 * an id is known already, it begins again, ends the holds and looks up the ids. In the common case neither costs a
 * statement.
 *
 * @param lookUp Whether ids are looked up at once: the caller expects repeated operations.
 * @throws BudgetsBusy, TooManyRestarts, and what the store throws
 */
export const commitTogether = (
  context: CommitContext,
  operations: readonly Operation[],
  { lookUp }: { lookUp: boolean },
): Promise<Committed> => commitWith(context, operations, { expired: undefined, lookUp });

/**
 * Ends up to a slice of the expired holds of a project, or of those that count on one of its budgets. Those on busy budgets
 * are left alone.
 */
export const commitExpired = (
  context: CommitContext,
  { project, user }: { project: string; user: string | undefined },
): Promise<Committed> => {
  const expired = (connection: Connection): Promise<Reservation[]> =>
    user === undefined
      ? findExpired(connection, project, EXPIRED_MAX)
      : findExpiredOn(connection, [{ project, user }], EXPIRED_MAX);
  return commitWith(context, [], { expired, lookUp: false });
};

async function commitWith(
  { store, ancestry, lockTimeoutMs, isBusy }: CommitContext,
  operations: readonly Operation[],
  first: Extras,
): Promise<Committed> {
  let extras = first;
  let before: Committed = { verdicts: [], expired: 0, changed: [], repeats: false, sawExpired: false };
  /** Budgets that only expired holds need, and that another session has locked. */
  const avoided = new Set<string>();
  let tried: readonly BudgetName[] = [];
  const attempt: Attempt = { operations, ancestry, mayEnd: (key) => !avoided.has(key) && !isBusy(key) };
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
    } catch (error) {
      if (error instanceof BudgetsBusy) throw error;
      if (error instanceof TryAgain) extras = withExtra(extras, error.extra, attempt);
      // All of them: where the tree has moved, other hints are stale, too.
      else if (error instanceof UnlockedParent) await ancestry.refresh(tried);
      else if (error instanceof LockTimeout) await noteLocked();
      else throw error;
      if (restarts >= RESTARTS_MAX) throw new TooManyRestarts({ cause: error });
    }
  }

  /** Finds out which budgets are locked by others. None: they are free again, or the batch waits for an id of another. */
  async function noteLocked(): Promise<void> {
    const locked = keysOf(await store.read((connection) => findLocked(connection, tried)));
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

function withExtra(extras: Extras, extra: TryAgain["extra"], { operations, ancestry }: Attempt): Extras {
  if (extra === "lookUp") return { ...extras, lookUp: true };
  const names = namesToLock(ancestry, operations);
  return { ...extras, expired: (connection) => findExpiredOn(connection, names, EXPIRED_MAX) };
}

interface Attempt {
  operations: readonly Operation[];
  ancestry: Ancestry;
  /** Whether holds that count on a budget may be ended, by its key. The budgets of the operations are waited for. */
  mayEnd: (key: string) => boolean;
}

/**
 * One attempt, inside a transaction.
 *
 * @param onNames Told which budgets are about to be locked.
 * @returns No verdicts where expired holds have to be ended in a transaction of their own: only that was done.
 * @throws TryAgain, UnlockedParent: the transaction is to be rolled back and begun again.
 */
async function commitOnce(
  connection: Connection,
  { operations, ancestry, mayEnd }: Attempt,
  extras: Extras,
  onNames: (names: readonly BudgetName[]) => void,
): Promise<Committed> {
  const needed = namesToLock(ancestry, operations);
  const found = (await extras.expired?.(connection)) ?? [];
  const expiries = found.filter(canEnd(needed, mayEnd)).map(expiryOf);
  // What lies below a budget is read for the operation alone, so the holds there have to be ended before it begins.
  const isSlice = expiries.length > 0 && (found.length >= EXPIRED_MAX || operations.some(needsBelow));
  const all = isSlice ? expiries : [...expiries, ...operations];
  if (all.length === 0) return { verdicts: [], expired: 0, changed: [], repeats: false, sawExpired: true };
  const names = namesToLock(ancestry, all);
  onNames(names);
  const projects = extras.expired === undefined ? projectsOf(operations) : [];
  const locked = await lockBudgets(connection, names, projects);
  if (locked.hasExpired) throw new TryAgain("expired");
  // Statements of their own, begun after the locks are held: they see what the holders before us committed.
  const ground: Ground = { ...locked, ...(await readGround(connection, all, extras)) };
  if (expiredUnseen(ground.reservations, expiries, locked.nowUs)) throw new TryAgain("expired");
  const { verdicts, changes } = decideBatch(all, ground);
  const repeats = verdicts.some((verdict, index) => mayBeRepeated(verdict, all[index] as Operation));
  if (repeats && !extras.lookUp) throw new TryAgain("lookUp");
  if (!(await writeChanges(connection, changes))) throw new TryAgain("lookUp");
  return {
    verdicts: verdicts.slice(expiries.length),
    expired: changes.reservations.filter((change) => change.reservation.state === "EXPIRED").length,
    changed: [...changes.budgets, ...changes.settings, ...changes.created, ...changes.deleted],
    repeats,
    sawExpired: extras.expired !== undefined,
  };
}

/** What was refused may have been done before, by its id: then the first answer goes before the refusal. */
const mayBeRepeated = (verdict: Verdict, operation: Operation): boolean =>
  verdict.ok
    ? verdict.replayed && operation.kind !== "create"
    : verdict.error.reason !== "BUDGET_NOT_FOUND" && idsOf(operation).requestId !== undefined;

/** Whether a hold that an operation names has expired while the locks were waited for. */
function expiredUnseen(
  reservations: ReadonlyMap<string, Reservation>,
  expiries: readonly Expire[],
  nowUs: InstantUs,
): boolean {
  const seen = new Set(expiries.map((expiry) => reservationKey(expiry.project, expiry.reservationId)));
  return [...reservations].some(
    ([key, { state, expiresAtUs }]) => state === "HELD" && expiresAtUs <= nowUs && !seen.has(key),
  );
}

/** A hold is ended on all of its levels: one on a busy budget has to wait, unless the operations wait for that one, too. */
function canEnd(
  needed: readonly BudgetName[],
  mayEnd: (key: string) => boolean,
): (hold: Reservation) => boolean {
  const waitedFor = keysOf(needed);
  return ({ project, user, ancestors }) =>
    [user, ...ancestors]
      .map((level) => budgetKey(project, level))
      .every((key) => waitedFor.has(key) || mayEnd(key));
}

const expiryOf = ({ project, user, reservationId, ancestors }: Reservation): Expire => ({
  kind: "expire",
  project,
  user,
  reservationId,
  ancestors,
  requestId: makeRequestId(),
});
