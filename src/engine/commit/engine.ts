import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../domain/errors.ts";
import type { BudgetName } from "../../store/names.ts";
import { LockTimeout } from "../../store/outage.ts";
import { projectsWithExpired } from "../../store/reservations.ts";
import type { Store } from "../../store/store.ts";
import { createGroups } from "../groups.ts";
import type { Ancestry } from "./ancestry.ts";
import { createBusyBudgets, type Turn } from "./busy-budgets.ts";
import { createEnding } from "./ending.ts";
import { keysOf, namesToLock } from "./names.ts";
import { needsBelow, type Operation, type Verdict } from "./operation.ts";
import { type Batch, createRunningBatches } from "./running-batches.ts";
import {
  type Abandoned,
  inOrder,
  refused,
  type Submitted,
  type Waiting,
  withoutAbandoned,
} from "./submitted.ts";
import {
  BudgetsBusy,
  type CommitContext,
  type Committed,
  commitTogether,
  TooManyRestarts,
} from "./transaction.ts";

export interface EngineLimits {
  batchOperationsMax: number;
  batchesInFlightMax: number;
  quietBatchesMax: number;
  /** Operations that wait for a batch, at most. One project may have as many as it leaves free for others. */
  queueOperationsMax: number;
  /** Operations of the sweep and of legacy posts that share one transaction, at most. */
  backgroundOperationsMax: number;
  /** How long an operation waits for a budget that another session has locked. Then it is refused with STORE_UNAVAILABLE. */
  lockWaitMsMax: number;
}

/** Commits operations. Every change of a budget is one. */
export interface Engine {
  /** Decides and commits an operation. The promise resolves when the verdict is durable. A refusal is a verdict, too. */
  submit(operation: Operation, abandoned?: Abandoned): Promise<Verdict>;
  /** Does the same for long work. It has its own batches, so that callers of `submit` do not wait for it. */
  submitInBackground(operation: Operation): Promise<Verdict>;
  /**
   * Ends expired holds of a budget, of a project, or of all projects. Holds on budgets that another session has locked stay
   * for later.
   *
   * @returns How many were ended.
   */
  endExpired(scope: ExpiredScope): Promise<number>;
  /** Resolves when every operation submitted so far has its verdict. */
  drain(): Promise<void>;
}

export interface ExpiredScope {
  /** Absent: all projects. */
  project?: string | undefined;
  /** Present: only holds that count on this budget. Absent: all holds of the project. */
  user?: string | undefined;
}

const OVERLOADED_RETRY_MS = 100;
const LOCKED_RETRY_MS = 1_000;
/** Two, so that one background batch is decided while the database works on the other. */
const BACKGROUND_IN_FLIGHT_MAX = 2;
/**
 * How long a batch waits for one lock. Then the operations that need this lock leave the batch, and the others are committed.
 * Servers that share a hot budget hold its lock for less time than this.
 */
const LOCK_TIMEOUT_MS = 100;
/** How long one attempt on a busy budget waits for one lock. */
const BUSY_LOCK_TIMEOUT_MS = 250;
/** How long the budget is left alone after a failed attempt. */
const BUSY_PAUSE_MS = 25;

/**
 * The group commit. Operations that arrive while batches are in flight share the next transaction, so a busy budget costs one
 * row lock for a batch instead of one for each charge. An operation whose caller has gone is dropped before its batch begins,
 * and never while the batch runs.
 */
export function createEngine(options: {
  store: Store;
  ancestry: Ancestry;
  limits: EngineLimits;
  /** Called with the names of changed budgets, after the change is durable. */
  onChanged: (names: readonly BudgetName[]) => void;
  /** Called with an error that is a defect of Purser. The operation is refused with INTERNAL. */
  onDefect: (error: unknown) => void;
}): Engine {
  const { store, ancestry, limits } = options;
  /**
   * Whether the last batch had repeated operations. Then the next batch looks up its ids at once, because repeated operations
   * often come together: a caller retries, or a queue delivers twice.
   */
  let repeats = false;

  const overloaded = refused({
    reason: "OVERLOADED",
    operationsMax: limits.queueOperationsMax,
    retryAfterMs: OVERLOADED_RETRY_MS,
  });
  const locked = refused({ reason: "STORE_UNAVAILABLE", retryAfterMs: LOCKED_RETRY_MS });

  const isAlone = ({ operation }: Submitted): boolean => needsBelow(operation);
  const projectOf = ({ operation }: Submitted): string => operation.project;
  const busy = createBusyBudgets<Waiting, Verdict>({
    itemsMax: limits.batchOperationsMax,
    isAlone,
    work: (_key, submitted, turn) => commitBusy(submitted, turn),
  });
  const context: CommitContext = {
    store,
    ancestry,
    lockTimeoutMs: Math.min(LOCK_TIMEOUT_MS, limits.lockWaitMsMax),
    busyKeys: () => busy.keys(),
  };
  const busyContext: CommitContext = {
    ...context,
    lockTimeoutMs: Math.min(BUSY_LOCK_TIMEOUT_MS, limits.lockWaitMsMax),
  };

  const committed = ({ changed, verdicts, repeats: isRepeated }: Committed): Verdict[] => {
    repeats = isRepeated;
    if (changed.length > 0) options.onChanged(changed);
    return verdicts;
  };

  // While a project has expired holds, even on other budgets, each of its batches needs a restart and one more statement.
  const ending = createEnding(context, (slice) => void committed({ ...slice, repeats }));

  const running = createRunningBatches();

  const commitAll = (to: CommitContext, submitted: readonly Submitted[]): Promise<Committed> => {
    const operations = submitted.map(({ operation }) => operation);
    return running.run(submitted, () => commitTogether(to, operations, { lookUp: repeats }));
  };

  /** Whether a batch needs one of these budgets. */
  const isNeededBy = (batches: readonly Batch[], keys: ReadonlySet<string>): boolean =>
    batches.some((batch) => batch.some((each) => keysNeededBy(each).some((key) => keys.has(key))));

  /** Never rejects: an operation that cannot be committed gets a verdict with the error. */
  const commit = async (submitted: readonly Submitted[]): Promise<(Verdict | Promise<Verdict>)[]> => {
    if (submitted.length === 0) return [];
    try {
      const done = await commitAll(context, submitted);
      if (done.hasExpired) for (const { operation } of submitted) ending.soon(operation.project);
      return committed(done);
    } catch (error) {
      if (error instanceof BudgetsBusy) return commitWithoutBusy(error, submitted);
      return isolateFailing(error, submitted, commit);
    }
  };

  /** Moves operations on busy budgets to the queues of these budgets, and commits the others. */
  const commitWithoutBusy = async (
    { keys, progress }: BudgetsBusy,
    submitted: readonly Submitted[],
  ): Promise<(Verdict | Promise<Verdict>)[]> => {
    if (progress !== undefined) committed(progress);
    const waits = new Map<Submitted, Promise<Verdict>>();
    for (const each of submitted) {
      const key = keysNeededBy(each).find((name) => keys.has(name));
      if (key !== undefined) waits.set(each, waitFor(key, each));
    }
    const others = submitted.filter((each) => !waits.has(each));
    return inOrder(submitted, waits, others, await commit(others));
  };

  const waitFor = async (key: string, submitted: Submitted): Promise<Verdict> =>
    busy.waiting < limits.queueOperationsMax
      ? busy.add(key, { ...submitted, sinceMs: performance.now() })
      : overloaded;

  const keysNeededBy = ({ operation }: Submitted): string[] => [
    ...keysOf(namesToLock(ancestry, [operation])),
  ];

  /**
   * Finds the operation that makes its batch fail: the database cannot accept it, or it makes the batch restart too often. The
   * batch is halved until that operation is alone, and the others are committed.
   */
  const isolateFailing = async <Each extends Submitted, Result>(
    error: unknown,
    submitted: readonly Each[],
    retry: (half: readonly Each[]) => Promise<(Result | Verdict)[]>,
  ): Promise<(Result | Verdict)[]> => {
    if (error instanceof Failure) return submitted.map(() => refused(error.error));
    if (submitted.length > 1) {
      const middle = submitted.length >> 1;
      const first = await retry(submitted.slice(0, middle));
      return [...first, ...(await retry(submitted.slice(middle)))];
    }
    // Another session has inserted its id, or the name of its budget, and has not committed.
    if (error instanceof TooManyRestarts && error.cause instanceof LockTimeout) return [locked];
    options.onDefect(error);
    return [refused({ reason: "INTERNAL" })];
  };

  /** Retries until the locks are free, or each operation has waited for `lockWaitMsMax` or has been abandoned. */
  const commitBusy = async (submitted: readonly Waiting[], turn: Turn): Promise<Verdict[]> => {
    const verdicts = new Map<Submitted, Verdict>();
    const answer = (those: readonly Submitted[], answers: readonly Verdict[]): void =>
      those.forEach((each, index) => verdicts.set(each, answers[index] as Verdict));
    /** The batches that were running when the last attempt began. */
    let others: readonly Batch[] = [];
    for (let waiting = withoutAbandoned(submitted, verdicts); waiting.length > 0; ) {
      try {
        const attempted = waiting;
        const attempt = (): Promise<Committed> => {
          others = running.list();
          return commitAll(busyContext, attempted);
        };
        answer(attempted, committed(await turn(attempt)));
        break;
      } catch (error) {
        if (!(error instanceof BudgetsBusy)) {
          answer(
            waiting,
            await isolateFailing<Waiting, Verdict>(error, waiting, (half) => commitBusy(half, turn)),
          );
          break;
        }
        // Other operations of the queue may need none of the budgets that are locked now.
        const free = waiting.filter((each) => !keysNeededBy(each).some((key) => error.keys.has(key)));
        if (free.length > 0 && free.length < waiting.length) answer(free, await commitBusy(free, turn));
        if (error.progress !== undefined) committed(error.progress);
        else await sleep(BUSY_PAUSE_MS);
        const late = waiting.filter(
          (each) => !verdicts.has(each) && performance.now() - each.sinceMs >= limits.lockWaitMsMax,
        );
        // An attempt that ends expired holds is progress. A batch of this engine that waits for the database is retried, and
        // its locks end with it. In both cases the operations are not stuck behind a lock of another session.
        const isStuck = (): boolean =>
          error.progress === undefined && !isNeededBy([...others, ...running.list()], error.keys);
        if (late.length > 0 && isStuck()) {
          for (const each of late) verdicts.set(each, locked);
        }
        waiting = withoutAbandoned(
          waiting.filter((each) => !verdicts.has(each)),
          verdicts,
        );
      }
    }
    return submitted.map((each) => verdicts.get(each) as Verdict);
  };

  const work = async (submitted: readonly Submitted[]): Promise<(Verdict | Promise<Verdict>)[]> => {
    const answered = new Map<Submitted, Verdict | Promise<Verdict>>();
    for (const each of submitted) {
      const reason = each.abandoned?.();
      if (reason !== undefined) answered.set(each, refused({ reason }));
      else if (busy.waiting > 0) {
        const key = busy.find(keysNeededBy(each));
        if (key !== undefined) answered.set(each, waitFor(key, each));
      }
    }
    if (answered.size === 0) return commit(submitted);
    const others = submitted.filter((each) => !answered.has(each));
    return inOrder(submitted, answered, others, await commit(others));
  };

  const common = { projectOf, isAlone, work };
  const foreground = createGroups<Submitted, Verdict>({
    ...common,
    waitingMax: limits.queueOperationsMax,
    itemsMax: limits.batchOperationsMax,
    inFlightMax: limits.batchesInFlightMax,
    quietMax: limits.quietBatchesMax,
  });
  const background = createGroups<Submitted, Verdict>({
    ...common,
    itemsMax: limits.backgroundOperationsMax,
    inFlightMax: BACKGROUND_IN_FLIGHT_MAX,
  });

  return {
    submit: (operation, abandoned) =>
      foreground.hasRoom(operation.project)
        ? foreground.submit({ operation, abandoned })
        : Promise.resolve(overloaded),
    submitInBackground: (operation) => background.submit({ operation, abandoned: undefined }),
    async endExpired({ project, user }) {
      if (project !== undefined) return ending.now(project, user);
      let ended = 0;
      for (const each of await store.read(projectsWithExpired)) ended += await ending.now(each, undefined);
      return ended;
    },
    async drain() {
      await Promise.all([foreground.drain(), background.drain()]);
      await ending.drain();
      await busy.drain();
    },
  };
}
