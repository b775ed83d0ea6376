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
  submittedMs: number;
}

/** The operations whose callers still wait. The others get their verdicts. */
export function withoutAbandoned(
  submitted: readonly Submitted[],
  verdicts: Map<Submitted, Verdict>,
): Submitted[] {
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
