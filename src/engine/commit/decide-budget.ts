import { auditedChange, budgetSettings } from "../../domain/audit.ts";
import { amountsFit, appliesTo, atInstant, type Budget, type ModelLimit, tick } from "../../domain/budget.ts";
import { type BudgetError, invalidField } from "../../domain/errors.ts";
import { isSameRequest } from "../../domain/fingerprint.ts";
import type { NanoUsd } from "../../domain/money.ts";
import { type InstantUs, type Period, windowAt } from "../../domain/period.ts";
import {
  accept,
  type Below,
  type Decision,
  endedPeriod,
  type Facts,
  momentOf,
  refusal,
  unchanged,
} from "./decision.ts";
import type { BudgetChange, Create, Delete, LimitInput, PeriodInput, Roll, Update } from "./operation.ts";

/** Decides the operations on a budget itself: create, update, delete, and the move to the current period. */

/** Levels of a tree of budgets, at most: a budget and its ancestors. */
export const TREE_LEVELS_MAX = 8;

/** 9999-12-31T23:59:59.999999Z, the last microsecond of google.protobuf.Timestamp. */
const TIMESTAMP_US_MAX = 253_402_300_799_999_999n;

export function create({ path, parentPath = [] }: Facts, operation: Create, nowUs: InstantUs): Decision {
  const { project, user, fingerprint } = operation;
  const [stored] = path;
  if (stored !== undefined) {
    // A replay skips the check of the parent. The parent was checked at creation and may have been deleted since.
    return isSameRequest(stored.creationFingerprint, operation)
      ? unchanged(path, nowUs, { replayed: true })
      : refusal(path, { reason: "BUDGET_EXISTS", project, user });
  }
  const problem = parentProblem(operation, operation.parent, parentPath, 0);
  if (problem !== undefined) return refusal(path, problem);
  const period = anchored(operation.period, nowUs);
  const window = currentWindow(period, nowUs, nowUs);
  if (window === undefined) return refusal(path, WINDOW_TOO_FAR);
  const budget: Budget = {
    project,
    user,
    totalNanoUsd: operation.totalNanoUsd,
    spentNanoUsd: 0n,
    heldNanoUsd: 0n,
    period,
    periodId: nowUs,
    ...window,
    parent: operation.parent,
    modelLimits: operation.modelLimits.map((limit) => ({ ...limit, spentNanoUsd: 0n, heldNanoUsd: 0n })),
    creationFingerprint: fingerprint,
    createdAtUs: nowUs,
    updatedAtUs: nowUs,
  };
  const audited = auditedChange(operation, {
    action: "CREATE_BUDGET",
    createdAtUs: nowUs,
    before: undefined,
    after: budgetSettings(budget),
  });
  return accept([budget], { closed: [] }, { written: "created", audited });
}

export function update(facts: Facts, operation: Update, nowUs: InstantUs): Decision {
  const { path, parentPath = [], below = NOTHING_BELOW } = facts;
  const { project, user, change } = operation;
  const [stored, ...ancestors] = path as readonly [Budget, ...Budget[]];
  if ("parent" in change) {
    const problem = parentProblem(operation, change.parent, parentPath, below.levels);
    if (problem !== undefined) return refusal(path, problem);
    const moves = change.parent !== stored.parent;
    if (moves && below.heldByModel.size > 0) return refusal(path, { reason: "BUDGET_IN_USE", project, user });
  }
  const instantUs = tick(stored, nowUs);
  const current = { ...atInstant(stored, instantUs), updatedAtUs: instantUs };
  const spentByModel = current.periodId === stored.periodId ? below.spentByModel : NOTHING_BELOW.spentByModel;
  const changed = withChange(current, change, { ...below, spentByModel });
  if (changed === undefined) return refusal(path, WINDOW_TOO_FAR);
  if (!amountsFit(changed)) return refusal(path, { reason: "AMOUNT_OVERFLOW", project, user });
  const audited = auditedChange(operation, {
    action: "UPDATE_BUDGET",
    createdAtUs: instantUs,
    before: budgetSettings(stored),
    after: budgetSettings(changed),
  });
  const closed = endedPeriod(stored, current);
  return accept([changed, ...ancestors], { closed }, { written: "settings", audited });
}

export function remove(
  { path, below = NOTHING_BELOW }: Facts,
  operation: Delete,
  nowUs: InstantUs,
): Decision {
  const { project, user } = operation;
  if (below.levels > 0 || below.heldByModel.size > 0) {
    return refusal(path, { reason: "BUDGET_IN_USE", project, user });
  }
  const [stored, ...ancestors] = path as readonly [Budget, ...Budget[]];
  const audited = auditedChange(operation, {
    action: "DELETE_BUDGET",
    createdAtUs: tick(stored, nowUs),
    before: budgetSettings(stored),
    after: undefined,
  });
  return accept([atInstant(stored, nowUs), ...ancestors], { closed: [] }, { written: "deleted", audited });
}

export function roll({ path }: Facts, _operation: Roll, nowUs: InstantUs): Decision {
  const [stored, ...ancestors] = path as readonly [Budget, ...Budget[]];
  if (stored.periodEndUs === undefined || nowUs < stored.periodEndUs) return unchanged(path, nowUs);
  const moment = momentOf([stored], nowUs);
  return accept([...moment.current, ...ancestors], moment, {});
}

const NOTHING_BELOW: Below = { levels: 0, heldByModel: new Map(), spentByModel: new Map() };

const WINDOW_TOO_FAR = invalidField("period.count", "the window would end after year 9999").error;

/** Why a budget that has `levelsBelow` levels below it cannot have this parent. Undefined when it can. */
function parentProblem(
  { project, user }: { project: string; user: string },
  parent: string | undefined,
  parentPath: readonly Budget[],
  levelsBelow: number,
): BudgetError | undefined {
  if (parent === undefined) return undefined;
  if (parent === user || parentPath.some((budget) => budget.user === user)) {
    return { reason: "PARENT_CYCLE", project, user, parent };
  }
  if (parentPath.length === 0) return { reason: "PARENT_NOT_FOUND", project, parent };
  const levels = parentPath.length + 1 + levelsBelow;
  if (levels <= TREE_LEVELS_MAX) return undefined;
  const description = `would make a tree of ${levels} levels; at most ${TREE_LEVELS_MAX} are allowed`;
  return invalidField("parent", description).error;
}

/** The budget with its new settings. Undefined when its window would end after year 9999. */
function withChange(current: Budget, change: BudgetChange, below: Below): Budget | undefined {
  const changed: Budget = {
    ...current,
    totalNanoUsd: change.totalNanoUsd ?? current.totalNanoUsd,
    parent: "parent" in change ? change.parent : current.parent,
    modelLimits: change.modelLimits?.map((limit) => counted(limit, below)) ?? current.modelLimits,
  };
  if (!("period" in change)) return changed;
  const period = anchored(change.period, current.updatedAtUs);
  const window = currentWindow(period, current.updatedAtUs, current.periodStartUs);
  return window && { ...changed, period, periodEndUs: window.periodEndUs };
}

/** A new limit with the amounts that its models have spent in the current period, and that open reservations hold for them. */
const counted = (limit: LimitInput, { spentByModel, heldByModel }: Below): ModelLimit => ({
  ...limit,
  spentNanoUsd: sumFor(limit, spentByModel),
  heldNanoUsd: sumFor(limit, heldByModel),
});

const sumFor = (limit: LimitInput, amounts: ReadonlyMap<string, NanoUsd>): NanoUsd =>
  amounts.entries().reduce((sum, [model, amount]) => (appliesTo(limit, model) ? sum + amount : sum), 0n);

const anchored = (input: PeriodInput | undefined, nowUs: InstantUs): Period | undefined =>
  input && { ...input, anchorUs: input.anchorUs ?? nowUs };

/**
 * The window of `period` that contains `nowUs`. Without a period: a window that begins at `sinceUs` and never ends. Undefined
 * when the window would end after year 9999.
 */
function currentWindow(
  period: Period | undefined,
  nowUs: InstantUs,
  sinceUs: InstantUs,
): { periodStartUs: InstantUs; periodEndUs: InstantUs | undefined } | undefined {
  if (period === undefined) return { periodStartUs: sinceUs, periodEndUs: undefined };
  const window = windowAt(period, nowUs);
  return window.endUs > TIMESTAMP_US_MAX
    ? undefined
    : { periodStartUs: window.startUs, periodEndUs: window.endUs };
}
