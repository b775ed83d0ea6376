import { addMoney, inRange, type NanoUsd } from "./money.ts";
import { type InstantUs, type Period, windowAt } from "./period.ts";

/** The limit for one model, or for a family of models (a prefix with a trailing asterisk), in one period. */
export interface ModelLimit {
  model: string;
  limitNanoUsd: NanoUsd;
  /** The amount spent in this period by the models that the limit applies to. */
  spentNanoUsd: NanoUsd;
  /** The amount held by open reservations for these models. */
  heldNanoUsd: NanoUsd;
}

/** Whether a limit applies to a model: the names are equal, or the model starts with the text before the asterisk. */
export const appliesTo = (limit: Pick<ModelLimit, "model">, model: string): boolean =>
  limit.model.endsWith("*") ? model.startsWith(limit.model.slice(0, -1)) : model === limit.model;

/** The stored budget of one user of a project: the limit, the amount spent, and the amount held. */
export interface Budget {
  project: string;
  user: string;
  totalNanoUsd: NanoUsd;
  spentNanoUsd: NanoUsd;
  heldNanoUsd: NanoUsd;
  period: Period | undefined;
  /** The microsecond at which the current period was opened. The period ids of one budget only increase. */
  periodId: bigint;
  periodStartUs: InstantUs;
  periodEndUs: InstantUs | undefined;
  parent: string | undefined;
  modelLimits: readonly ModelLimit[];
  creationFingerprint: string;
  createdAtUs: InstantUs;
  updatedAtUs: InstantUs;
}

/** A period that has ended, with the amount spent in it. */
export interface ClosedPeriod {
  project: string;
  user: string;
  periodId: bigint;
  periodStartUs: InstantUs;
  periodEndUs: InstantUs;
  spentNanoUsd: NanoUsd;
  totalNanoUsd: NanoUsd;
}

/** total - spent - held. Negative when the budget is exceeded. Always in the 64-bit range: see `amountsFit`. */
export const remaining = (budget: Budget): NanoUsd =>
  budget.totalNanoUsd - budget.spentNanoUsd - budget.heldNanoUsd;

/**
 * Whether spent, held and remaining all fit in signed 64-bit integers, now and after every hold has ended. Spent can be
 * negative because of refunds.
 */
export const amountsFit = (budget: Budget): boolean =>
  inRange(budget.spentNanoUsd) &&
  inRange(budget.totalNanoUsd - budget.spentNanoUsd) &&
  addMoney(budget.spentNanoUsd, budget.heldNanoUsd) !== undefined &&
  addMoney(remaining(budget), 0n) !== undefined;

/** The amounts that a change adds to a budget's balances. A negative amount subtracts. */
interface Change {
  model: string;
  spentNanoUsd?: NanoUsd;
  heldNanoUsd?: NanoUsd;
}

/**
 * The budget with the amounts added to its balances and to those of the limits for the model. Undefined on overflow.
 */
export function withAmounts(budget: Budget, change: Change): Budget | undefined {
  const add = <T extends { spentNanoUsd: NanoUsd; heldNanoUsd: NanoUsd }>(balances: T): T => ({
    ...balances,
    spentNanoUsd: balances.spentNanoUsd + (change.spentNanoUsd ?? 0n),
    heldNanoUsd: balances.heldNanoUsd + (change.heldNanoUsd ?? 0n),
  });
  const changed = {
    ...add(budget),
    modelLimits: budget.modelLimits.map((limit) => (appliesTo(limit, change.model) ? add(limit) : limit)),
  };
  return amountsFit(changed) ? changed : undefined;
}

/** The budget's own clock: the database's time, but always later than the last change. */
export const tick = (budget: Budget, nowUs: InstantUs): InstantUs =>
  nowUs > budget.updatedAtUs ? nowUs : budget.updatedAtUs + 1n;

/** The budget as it is at `nowUs`. If the stored period has ended, the result is in a new period with nothing spent. */
export function atInstant(budget: Budget, nowUs: InstantUs): Budget {
  if (budget.period === undefined || budget.periodEndUs === undefined || nowUs < budget.periodEndUs) {
    return budget;
  }
  const window = windowAt(budget.period, nowUs);
  return openPeriod(budget, { idUs: nowUs, startUs: window.startUs, endUs: window.endUs });
}

/** The budget with a new, empty period. */
export const openPeriod = (
  budget: Budget,
  opened: { idUs: InstantUs; startUs: InstantUs; endUs: InstantUs | undefined },
): Budget => ({
  ...budget,
  spentNanoUsd: 0n,
  modelLimits: budget.modelLimits.map((limit) => ({ ...limit, spentNanoUsd: 0n })),
  periodId: opened.idUs,
  periodStartUs: opened.startUs,
  periodEndUs: opened.endUs,
});

/** The record of the current period of `budget`, ended at `endUs`. */
export const closePeriod = (budget: Budget, endUs: InstantUs): ClosedPeriod => ({
  project: budget.project,
  user: budget.user,
  periodId: budget.periodId,
  periodStartUs: budget.periodStartUs,
  periodEndUs: endUs,
  spentNanoUsd: budget.spentNanoUsd,
  totalNanoUsd: budget.totalNanoUsd,
});

/** Identifies a budget. Names contain no control characters, so the NUL separator makes the key unambiguous. */
export const budgetKey = (project: string, user: string): string => `${project}\0${user}`;
