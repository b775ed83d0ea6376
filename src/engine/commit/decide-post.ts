import { isDeepStrictEqual } from "node:util";
import { atInstant } from "../../domain/budget.ts";
import type { InstantUs } from "../../domain/period.ts";
import { type Decision, type Facts, refusal, unchanged } from "./decision.ts";
import type { Operation, Post } from "./operation.ts";

/**
 * Decides the steps of a post in order. Either all of them are done, or none. The sender chose the steps from a read without
 * locks. If the record's memory or the budget's period has changed since, the verdict has `changed: false` and nothing is
 * written. The sender then reads and chooses again.
 *
 * @param decide Decides one step. A parameter, because decide.ts imports this file.
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

/**
 * Two decisions as one. Of the columns that they write, the wider set wins: a creation writes all columns, a change of settings
 * includes the balances.
 */
const joined = (first: Decision, next: Decision): Decision => ({
  ...next,
  written: first.written === "balances" || next.written === "created" ? next.written : first.written,
  entries: [...first.entries, ...next.entries],
  closed: [...first.closed, ...next.closed],
  audited: [...first.audited, ...next.audited],
});
