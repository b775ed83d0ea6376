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
export function failureFor(caller: Caller, thrown: unknown): unknown {
  if (caller.user === undefined || !(thrown instanceof Failure) || !("levels" in thrown.error)) return thrown;
  const { error } = thrown;
  const levels = upTo(caller.user, error.levels, (level) => level.user);
  const isShown = levels.some((level) => level.user === error.user);
  const shown: BudgetError = isShown
    ? { ...error, levels }
    : { ...error, levels, user: caller.user, remainingNanoUsd: 0n, isAbove: true, retryAfterMs: undefined };
  return new Failure(shown, { cause: thrown.cause });
}

/** The path up to the bound user's budget, which is in it unless the path has no budget of the caller. */
function upTo<Each>(
  bound: string,
  path: readonly Each[],
  userOf: (each: Each) => string | undefined,
): readonly Each[] {
  const last = path.findIndex((each) => userOf(each) === bound);
  return last < 0 ? path : path.slice(0, last + 1);
}

const withinReach = (bound: string, reservation: Held): Held => ({
  ...reservation,
  ancestors: reservation.user === bound ? [] : [...upTo(bound, reservation.ancestors ?? [], (user) => user)],
});
