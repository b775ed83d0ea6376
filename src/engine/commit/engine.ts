import { setTimeout as sleep } from "node:timers/promises";
import { type BudgetError, Failure } from "../../domain/errors.ts";
import type { BudgetName } from "../../store/names.ts";
import { projectsWithExpired } from "../../store/reservations.ts";
import type { Store } from "../../store/store.ts";
import { createGroups } from "../groups.ts";
import type { Ancestry } from "./ancestry.ts";
import { createBusyBudgets, type Turn } from "./busy-budgets.ts";
import { createEnding } from "./ending.ts";
import { keysOf, namesToLock } from "./names.ts";
import { needsBelow, type Operation, type Verdict } from "./operation.ts";
import { BudgetsBusy, type CommitContext, type Committed, commitTogether } from "./transaction.ts";

export interface EngineLimits {
  batchOperationsMax: number;
  batchesInFlightMax: number;
  queueOperationsMax: number;
  /** Operations of upkeep and of posted maps that share one transaction, at most. */
  backgroundOperationsMax: number;
  /** How long an operation waits for a budget that another session has locked, before it is STORE_UNAVAILABLE. */
  lockWaitMsMax: number;
}

/** Says why a caller no longer waits, or undefined while it does. Asked once, before the operation joins a batch. */
export type Abandoned = () => "CANCELLED" | "DEADLINE_EXCEEDED" | undefined;

/** Everything that changes a budget is an operation of the engine. */
export interface Engine {
  /** Decides and commits an operation. The promise is kept when the verdict is durable; refusals are verdicts too. */
  submit(operation: Operation, abandoned?: Abandoned): Promise<Verdict>;
  /** The same for long work, which shares transactions of its own so that callers do not wait for it. */
  submitInBackground(operation: Operation): Promise<Verdict>;
  /**
   * Ends expired holds: of a budget, of a project, or of all projects. Those on budgets that another session has locked are
   * left for later.
   *
   * @returns How many were ended.
   */
  endExpired(scope: ExpiredScope): Promise<number>;
  /** Resolves when everything submitted so far has its verdict. */
  drain(): Promise<void>;
}

export interface ExpiredScope {
  /** Absent: all projects. */
  project?: string | undefined;
  /** Absent: all budgets of the project. Present: the holds that count on this budget. */
  user?: string | undefined;
}

interface Submitted {
  operation: Operation;
  abandoned: Abandoned | undefined;
  submittedMs: number;
}

const OVERLOADED_RETRY_MS = 100;
const LOCKED_RETRY_MS = 1_000;
/** Background batches at once: one is decided while the database works on the other. */
const BACKGROUND_IN_FLIGHT_MAX = 2;
/** How long a batch waits for one lock before its other operations go on without it. Servers that share a hot budget need less. */
const LOCK_TIMEOUT_MS = 100;
/** How long one attempt on a busy budget waits for its lock, and how long the budget is left alone after it. */
const BUSY_LOCK_TIMEOUT_MS = 250;
const BUSY_PAUSE_MS = 25;

/**
 * The group commit: operations that arrive while batches are in flight share the next transaction, so that a budget
 * which everybody charges costs one row lock a batch and not one a charge. Callers that have gone are dropped before their
 * batch begins, and never after.
 */
export function createEngine(options: {
  store: Store;
  ancestry: Ancestry;
  limits: EngineLimits;
  /** Told of budgets that were changed, after that is durable. */
  onChanged: (names: readonly BudgetName[]) => void;
  onDefect: (error: unknown) => void;
}): Engine {
  const { store, ancestry, limits } = options;
  /** Where one operation is repeated, others often are: a retrying caller, a queue that delivers twice. */
  let repeats = false;

  const isAlone = ({ operation }: Submitted): boolean => needsBelow(operation);
  const busy = createBusyBudgets<Submitted, Verdict>({
    itemsMax: limits.batchOperationsMax,
    isAlone,
    work: (_key, submitted, turn) => commitBusy(submitted, turn),
  });
  const context: CommitContext = {
    store,
    ancestry,
    lockTimeoutMs: Math.min(LOCK_TIMEOUT_MS, limits.lockWaitMsMax),
    isBusy: (key) => busy.has(key),
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

  // Expired holds on other budgets of a project cost each of its batches a statement more, until they are ended.
  const ending = createEnding(context, (slice) => void committed({ ...slice, repeats }));

  const operationsOf = (submitted: readonly Submitted[]): Operation[] =>
    submitted.map(({ operation }) => operation);

  /** Never rejects: what cannot be committed gets a verdict that says so. */
  const commit = async (submitted: readonly Submitted[]): Promise<(Verdict | Promise<Verdict>)[]> => {
    if (submitted.length === 0) return [];
    try {
      const done = await commitTogether(context, operationsOf(submitted), { lookUp: repeats });
      if (done.sawExpired) for (const { operation } of submitted) ending.soon(operation.project);
      return committed(done);
    } catch (error) {
      if (error instanceof BudgetsBusy) return commitWithout(error, submitted);
      return withoutCulprit(error, submitted, commit);
    }
  };

  /** Operations on the busy budgets wait apart, and the others are committed without them. */
  const commitWithout = async (
    { keys, progress }: BudgetsBusy,
    submitted: readonly Submitted[],
  ): Promise<(Verdict | Promise<Verdict>)[]> => {
    if (progress !== undefined) committed(progress);
    const waits = new Map<Submitted, Promise<Verdict>>();
    for (const each of submitted) {
      const key = keysNeededBy(each).find((name) => keys.has(name));
      if (key !== undefined) waits.set(each, busy.add(key, each));
    }
    const others = submitted.filter((each) => !waits.has(each));
    return inOrder(submitted, waits, others, await commit(others));
  };

  const keysNeededBy = ({ operation }: Submitted): string[] => [
    ...keysOf(namesToLock(ancestry, [operation])),
  ];

  /**
   * One operation is more than the database can take, or makes its batch begin again and again: the batch is halved until
   * that one stands alone, and its neighbours go through.
   */
  const withoutCulprit = async <Result>(
    error: unknown,
    submitted: readonly Submitted[],
    retry: (half: readonly Submitted[]) => Promise<(Result | Verdict)[]>,
  ): Promise<(Result | Verdict)[]> => {
    if (error instanceof Failure) return submitted.map(() => refused(error.error));
    if (submitted.length > 1) {
      const middle = submitted.length >> 1;
      const first = await retry(submitted.slice(0, middle));
      return [...first, ...(await retry(submitted.slice(middle)))];
    }
    options.onDefect(error);
    return [refused({ reason: "INTERNAL" })];
  };

  /** Tries until the lock is free, or the operations have waited for it as long as they may. */
  const commitBusy = async (submitted: readonly Submitted[], turn: Turn): Promise<Verdict[]> => {
    const verdicts = new Map<Submitted, Verdict>();
    for (let waiting = submitted; waiting.length > 0; ) {
      try {
        const operations = operationsOf(waiting);
        const done = committed(
          await turn(() => commitTogether(busyContext, operations, { lookUp: repeats })),
        );
        for (const [index, each] of waiting.entries()) verdicts.set(each, done[index] as Verdict);
        break;
      } catch (error) {
        if (!(error instanceof BudgetsBusy)) {
          const done = await withoutCulprit<Verdict>(error, waiting, (half) => commitBusy(half, turn));
          for (const [index, each] of waiting.entries()) verdicts.set(each, done[index] as Verdict);
          break;
        }
        if (error.progress !== undefined) committed(error.progress);
        else await sleep(BUSY_PAUSE_MS);
        for (const each of waiting) {
          const why = reasonToStop(each, error);
          if (why !== undefined) verdicts.set(each, refused(why));
        }
        waiting = waiting.filter((each) => !verdicts.has(each));
      }
    }
    return submitted.map((each) => verdicts.get(each) as Verdict);
  };

  const reasonToStop = (
    { abandoned, submittedMs }: Submitted,
    error: BudgetsBusy,
  ): BudgetError | undefined => {
    const gone = abandoned?.();
    if (gone !== undefined) return { reason: gone };
    // As long as expired holds are ended there is nothing wrong, only much to do.
    if (error.progress !== undefined || performance.now() - submittedMs < limits.lockWaitMsMax)
      return undefined;
    return { reason: "STORE_UNAVAILABLE", retryAfterMs: LOCKED_RETRY_MS };
  };

  const work = async (submitted: readonly Submitted[]): Promise<(Verdict | Promise<Verdict>)[]> => {
    const settled = new Map<Submitted, Verdict | Promise<Verdict>>();
    for (const each of submitted) {
      const reason = each.abandoned?.();
      if (reason !== undefined) settled.set(each, refused({ reason }));
      else if (busy.waiting > 0) {
        const key = busy.find(keysNeededBy(each));
        if (key !== undefined) settled.set(each, busy.add(key, each));
      }
    }
    if (settled.size === 0) return commit(submitted);
    const others = submitted.filter((each) => !settled.has(each));
    return inOrder(submitted, settled, others, await commit(others));
  };

  const foreground = createGroups<Submitted, Verdict>({
    itemsMax: limits.batchOperationsMax,
    inFlightMax: limits.batchesInFlightMax,
    isAlone,
    work,
  });
  const background = createGroups<Submitted, Verdict>({
    itemsMax: limits.backgroundOperationsMax,
    inFlightMax: BACKGROUND_IN_FLIGHT_MAX,
    isAlone,
    work,
  });

  return {
    submit: (operation, abandoned) => {
      const submitted = { operation, abandoned, submittedMs: performance.now() };
      if (foreground.waiting + busy.waiting < limits.queueOperationsMax) return foreground.submit(submitted);
      const error: BudgetError = {
        reason: "OVERLOADED",
        operationsMax: limits.queueOperationsMax,
        retryAfterMs: OVERLOADED_RETRY_MS,
      };
      return Promise.resolve(refused(error));
    },
    submitInBackground: (operation) =>
      background.submit({ operation, abandoned: undefined, submittedMs: performance.now() }),
    async endExpired({ project, user }) {
      if (project !== undefined) return ending.now(project, user);
      let ended = 0;
      for (const each of await store.read(projectsWithExpired)) ended += await ending.now(each, undefined);
      return ended;
    },
    async drain() {
      await Promise.all([foreground.drain(), background.drain()]);
      await busy.drain();
    },
  };
}

const refused = (error: BudgetError): Verdict => ({ ok: false, error });

/** The results of all, from those of some and of the others. */
function inOrder<Item, Result>(
  items: readonly Item[],
  some: ReadonlyMap<Item, Result>,
  others: readonly Item[],
  theirs: readonly Result[],
): Result[] {
  const results = new Map([
    ...some,
    ...others.map((item, index) => [item, theirs[index] as Result] as const),
  ]);
  return items.map((item) => results.get(item) as Result);
}
