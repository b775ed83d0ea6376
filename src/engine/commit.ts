import { type BudgetError, Failure } from "../domain/errors.ts";
import type { BudgetName } from "../store/names.ts";
import type { Store } from "../store/store.ts";
import type { Ancestry } from "./ancestry.ts";
import type { Operation, Verdict } from "./operation.ts";
import { commitTogether } from "./transaction.ts";

export interface EngineLimits {
  batchOperationsMax: number;
  batchesInFlightMax: number;
  queueOperationsMax: number;
}

/** Says why a caller no longer waits, or undefined while it does. Asked once, before the operation joins a batch. */
export type Abandoned = () => "CANCELLED" | "DEADLINE_EXCEEDED" | undefined;

export interface Engine {
  /** Decides and commits an operation. The promise is kept when the verdict is durable; refusals are verdicts too. */
  submit(operation: Operation, abandoned?: Abandoned): Promise<Verdict>;
  /** Resolves when everything submitted so far has its verdict. */
  drain(): Promise<void>;
}

interface Waiting {
  operation: Operation;
  abandoned: Abandoned | undefined;
  resolve: (verdict: Verdict) => void;
}

const OVERLOADED_RETRY_MS = 100;

/**
 * The group commit: operations that arrive while batches are in flight share the next transaction, so that a budget
 * which everybody charges costs one row lock a batch and not one a charge. There is no timer: a lone operation starts at
 * once.
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
  const queue: Waiting[] = [];
  let batchesInFlight = 0;
  let pumpScheduled = false;
  let drained: (() => void)[] = [];

  const schedulePump = (): void => {
    if (pumpScheduled) return;
    pumpScheduled = true;
    // After the current task: what one call submits together travels together.
    queueMicrotask(() => {
      pumpScheduled = false;
      pump();
    });
  };

  const pump = (): void => {
    while (queue.length > 0 && batchesInFlight < limits.batchesInFlightMax) {
      const batch = queue.splice(0, limits.batchOperationsMax).filter(stillWanted);
      if (batch.length > 0) void run(batch);
    }
    if (queue.length === 0 && batchesInFlight === 0) {
      for (const resolve of drained.splice(0)) resolve();
    }
  };

  const run = async (batch: readonly Waiting[]): Promise<void> => {
    batchesInFlight++;
    const verdicts = await commit(batch.map((waiting) => waiting.operation));
    batchesInFlight--;
    batch.forEach((waiting, index) => waiting.resolve(verdicts[index] as Verdict));
    pump();
  };

  /** Never rejects: what cannot be committed gets a verdict that says so. */
  const commit = async (operations: readonly Operation[]): Promise<Verdict[]> => {
    try {
      const { verdicts, changed } = await commitTogether(store, ancestry, operations);
      options.onChanged(changed);
      return verdicts;
    } catch (error) {
      if (error instanceof Failure) return operations.map(() => refused(error.error));
      if (operations.length > 1) return commitApart(operations);
      options.onDefect(error);
      return [refused({ reason: "INTERNAL" })];
    }
  };

  /** One of them is more than the database can take: halve until it stands alone, and its neighbours go through. */
  const commitApart = async (operations: readonly Operation[]): Promise<Verdict[]> => {
    const middle = operations.length >> 1;
    const first = await commit(operations.slice(0, middle));
    return [...first, ...(await commit(operations.slice(middle)))];
  };

  return {
    submit: (operation, abandoned) => {
      if (queue.length >= limits.queueOperationsMax) {
        const error: BudgetError = {
          reason: "OVERLOADED",
          operationsMax: limits.queueOperationsMax,
          retryAfterMs: OVERLOADED_RETRY_MS,
        };
        return Promise.resolve(refused(error));
      }
      return new Promise((resolve) => {
        queue.push({ operation, abandoned, resolve });
        schedulePump();
      });
    },
    drain: () =>
      new Promise((resolve) => {
        drained = [...drained, resolve];
        schedulePump();
      }),
  };
}

const refused = (error: BudgetError): Verdict => ({ ok: false, error });

/** Drops an operation whose caller has gone. After this point nothing is dropped. */
function stillWanted(waiting: Waiting): boolean {
  const reason = waiting.abandoned?.();
  if (reason === undefined) return true;
  waiting.resolve(refused({ reason }));
  return false;
}
