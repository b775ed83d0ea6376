import { isDeepStrictEqual } from "node:util";
import { atInstant } from "../../domain/budget.ts";
import type { InstantUs } from "../../domain/period.ts";
import { type Decision, type Facts, refusal, unchanged } from "./decision.ts";
import type { Operation, Post } from "./operation.ts";

/**
 * Does the steps of a post one after the other, all or none. Its sender chose them by what it had read without locks: where
 * the record or the period of the budget has changed since, nothing is done, and the sender reads and chooses again.
 *
 * @param decide Decides one step.
 */
export function post(
  { path, record }: Facts,
  operation: Post,
  nowUs: InstantUs,
  decide: (facts: Facts, step: Operation, nowUs: InstantUs) => Decision,
): Decision {
  const { project, user, steps, before, after, windowStartUs } = operation;
  const [budget] = path;
  const isStale =
    windowStartUs !== (budget && atInstant(budget, nowUs).periodStartUs) ||
    !isDeepStrictEqual(record?.memory, before?.memory);
  if (budget === undefined && (isStale || steps[0]?.kind !== "create")) {
    return refusal(path, { reason: "BUDGET_NOT_FOUND", project, user });
  }
  if (isStale) return unchanged(path, nowUs);

  let done: Decision | undefined;
  for (const step of steps) {
    const next = decide({ path: done?.path ?? path }, step, nowUs);
    if (!next.verdict.ok) return { ...next, path };
    done = done === undefined ? next : joined(done, next);
  }
  const decision = done ?? unchanged(path, nowUs);
  const verdict = decision.verdict.ok ? { ...decision.verdict, changed: true } : decision.verdict;
  return { ...decision, verdict, record: after };
}

/** Of what two steps write of the budget, the wider: a creation writes all columns, a change of settings all but two. */
const joined = (first: Decision, next: Decision): Decision => ({
  ...next,
  written: first.written === "balances" || next.written === "created" ? next.written : first.written,
  entries: [...first.entries, ...next.entries],
  closed: [...first.closed, ...next.closed],
});
