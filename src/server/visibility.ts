import { type BudgetError, Failure } from "../domain/errors.ts";
import type { Caller } from "./caller.ts";

/**
 * A caller that is bound to a user sees that user's budget and the budgets below it. Answers and errors also mention the budgets
 * above. This removes them.
 */

interface Mentions {
  budget?: { user: string; parent?: string } | undefined;
  levels?: readonly { user?: string }[];
  nextFreeTime?: unknown;
  reservation?: Held | undefined;
  reservations?: readonly Held[];
}

interface Held {
  user?: string;
  ancestors?: string[];
}

/** The answer without what it says about budgets above the caller's. */
export function visibleTo<Answer extends object>(caller: Caller, answer: Answer): Answer {
  const { user: bound } = caller;
  if (bound === undefined) return answer;
  const { budget, levels, reservation, reservations } = answer as Mentions;
  const changed: Mentions = {};
  if (budget?.user === bound) changed.budget = { ...budget, parent: "" };
  if (levels !== undefined) {
    changed.levels = upTo(bound, levels, (level) => level.user);
    // It may be the time at which a budget above frees money.
    if (changed.levels.length < levels.length) changed.nextFreeTime = undefined;
  }
  if (reservation !== undefined) changed.reservation = withinReach(bound, reservation);
  if (reservations !== undefined) changed.reservations = reservations.map((each) => withinReach(bound, each));
  return { ...answer, ...changed };
}

/** The error without what it says about budgets above the caller's. */
export function failureFor(caller: Caller, request: { user?: string }, thrown: unknown): unknown {
  const { user: bound } = caller;
  if (bound === undefined || !(thrown instanceof Failure)) return thrown;
  const shown = errorFor(bound, request, thrown.error);
  return shown === thrown.error ? thrown : new Failure(shown, { cause: thrown.cause });
}

function errorFor(bound: string, request: { user?: string }, error: BudgetError): BudgetError {
  // It names any level of the path. That a level between the two is reported as the bound user's hides nothing that matters.
  if (error.reason === "AMOUNT_OVERFLOW")
    return error.user === request.user ? error : { ...error, user: bound };
  if (!("levels" in error)) return error;
  const levels = upTo(bound, error.levels, (level) => level.user);
  if (levels.some((level) => level.user === error.user)) return { ...error, levels };
  const above = {
    levels,
    user: bound,
    remainingNanoUsd: 0n,
    isAbove: true,
    retryAfterMs: undefined,
  } as const;
  return error.reason === "MODEL_LIMIT_EXCEEDED"
    ? { ...error, ...above, limit: error.model }
    : { ...error, ...above };
}

/**
 * The path of a budget up to the bound user's budget. If that is not in it, because the budget was elsewhere at that time, only
 * the budget itself.
 */
function upTo<Each>(
  bound: string,
  path: readonly Each[],
  userOf: (each: Each) => string | undefined,
): readonly Each[] {
  return path.slice(
    0,
    Math.max(
      0,
      path.findIndex((each) => userOf(each) === bound),
    ) + 1,
  );
}

const withinReach = (bound: string, reservation: Held): Held => {
  const path = [reservation.user, ...(reservation.ancestors ?? [])];
  const [, ...ancestors] = upTo(bound, path, (user) => user);
  return { ...reservation, ancestors: ancestors.filter((each) => each !== undefined) };
};
