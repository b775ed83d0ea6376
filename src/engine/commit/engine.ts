import { type BudgetError, Failure } from "../../domain/errors.ts";
import type { BudgetName } from "../../store/names.ts";
import type { Store } from "../../store/store.ts";
import { createGroups } from "../groups.ts";
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

interface Submitted {
  operation: Operation;
  abandoned: Abandoned | undefined;
}

const OVERLOADED_RETRY_MS = 100;

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

  /** Never rejects: what cannot be committed gets a verdict that says so. */
  const commit = async (operations: readonly Operation[]): Promise<Verdict[]> => {
    try {
      const committed = await commitTogether(store, ancestry, operations, { lookUp: repeats });
      repeats = committed.repeats;
      options.onChanged(committed.changed);
      return committed.verdicts;
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

  const groups = createGroups<Submitted, Verdict>({
    itemsMax: limits.batchOperationsMax,
    inFlightMax: limits.batchesInFlightMax,
    async work(submitted) {
      const reasons = submitted.map(({ abandoned }) => abandoned?.());
      const wanted = submitted.filter((_, index) => reasons[index] === undefined);
      const verdicts = wanted.length === 0 ? [] : await commit(wanted.map(({ operation }) => operation));
      let next = 0;
      return reasons.map((reason) =>
        reason === undefined ? (verdicts[next++] as Verdict) : refused({ reason }),
      );
    },
  });

  return {
    submit: (operation, abandoned) => {
      if (groups.waiting < limits.queueOperationsMax) return groups.submit({ operation, abandoned });
      const error: BudgetError = {
        reason: "OVERLOADED",
        operationsMax: limits.queueOperationsMax,
        retryAfterMs: OVERLOADED_RETRY_MS,
      };
      return Promise.resolve(refused(error));
    },
    drain: () => groups.drain(),
  };
}

const refused = (error: BudgetError): Verdict => ({ ok: false, error });
