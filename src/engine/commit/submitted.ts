import type { BudgetError } from "../../domain/errors.ts";
import type { Operation, Verdict } from "./operation.ts";

/**
 * Says why the caller no longer waits for its answer. Undefined while it waits. The engine calls it before the operation joins
 * a batch, and after each failed attempt on a busy budget.
 */
export type Abandoned = () => "CANCELLED" | "DEADLINE_EXCEEDED" | undefined;

/** An operation that waits for its verdict. */
export interface Submitted {
  operation: Operation;
  abandoned: Abandoned | undefined;
}

/** An operation that waits for a busy budget. */
export interface Waiting extends Submitted {
  /** When it began to wait for the budget, on the clock of `performance`. */
  sinceMs: number;
}

/** The operations whose callers still wait. The others get their verdicts. */
export function withoutAbandoned<Each extends Submitted>(
  submitted: readonly Each[],
  verdicts: Map<Submitted, Verdict>,
): Each[] {
  return submitted.filter((each) => {
    const reason = each.abandoned?.();
    if (reason !== undefined) verdicts.set(each, refused({ reason }));
    return reason === undefined;
  });
}

export const refused = (error: BudgetError): Verdict => ({ ok: false, error });

/** Merges the results of some items with those of the others, in the order of `items`. */
export function inOrder<Item, Result>(
  items: readonly Item[],
  some: ReadonlyMap<Item, Result>,
  others: readonly Item[],
  resultsOfOthers: readonly Result[],
): Result[] {
  const results = new Map([
    ...some,
    ...others.map((item, index) => [item, resultsOfOthers[index] as Result] as const),
  ]);
  return items.map((item) => results.get(item) as Result);
}
