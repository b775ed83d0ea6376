import { addMoney, inRange, type NanoUsd } from "./money.ts";
import { type InstantUs, type Period, windowAt } from "./period.ts";

/** What one model, or a family of models by a trailing asterisk, may spend in one period. */
export interface ModelLimit {
  model: string;
  limitNanoUsd: NanoUsd;
  /** What the models that it names have spent of this period. */
  spentNanoUsd: NanoUsd;
  /** What open reservations for them hold. */
  heldNanoUsd: NanoUsd;
}

/** Whether a limit is one for this model: the same name, or one that begins as the limit's does before its asterisk. */
export const appliesTo = (limit: Pick<ModelLimit, "model">, model: string): boolean =>
  limit.model.endsWith("*") ? model.startsWith(limit.model.slice(0, -1)) : model === limit.model;

/** One row of the truth: what a user of a project may spend, and what of it is spent. */
export interface Budget {
  project: string;
  user: string;
  totalNanoUsd: NanoUsd;
  spentNanoUsd: NanoUsd;
  heldNanoUsd: NanoUsd;
  period: Period | undefined;
  /** The microsecond at which the current period was opened; ids of one budget only grow. */
  periodId: bigint;
  periodStartUs: InstantUs;
  periodEndUs: InstantUs | undefined;
  parent: string | undefined;
  modelLimits: readonly ModelLimit[];
  creationFingerprint: string;
  createdAtUs: InstantUs;
  updatedAtUs: InstantUs;
}

/** A period that has ended, with what it spent. */
export interface ClosedPeriod {
  project: string;
  user: string;
  periodId: bigint;
  periodStartUs: InstantUs;
  periodEndUs: InstantUs;
  spentNanoUsd: NanoUsd;
  totalNanoUsd: NanoUsd;
}

/** total - spent - held. Negative when the budget is exceeded. Always in range: see `amountsFit`. */
export const remaining = (budget: Budget): NanoUsd =>
  budget.totalNanoUsd - budget.spentNanoUsd - budget.heldNanoUsd;

/**
 * Whether spent, held and what remains can all be written as signed 64-bit integers, also once nothing is held any more:
 * refunds can make spent negative.
 */
export const amountsFit = (budget: Budget): boolean =>
  inRange(budget.spentNanoUsd) &&
  inRange(budget.totalNanoUsd - budget.spentNanoUsd) &&
  addMoney(budget.spentNanoUsd, budget.heldNanoUsd) !== undefined &&
  addMoney(remaining(budget), 0n) !== undefined;

/** What a change adds to a budget's balances; negative amounts take away. */
interface Change {
  model: string;
  spentNanoUsd?: NanoUsd;
  heldNanoUsd?: NanoUsd;
}

/** The budget with amounts added, to its balances and to those of the limits for the model. Undefined on overflow. */
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

/** The budget's own clock: the database's time, but never at or before the last change. */
export const tick = (budget: Budget, nowUs: InstantUs): InstantUs =>
  nowUs > budget.updatedAtUs ? nowUs : budget.updatedAtUs + 1n;

/** The budget as it is at `nowUs`: in a new period with nothing spent, where the stored one has ended. */
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

/** The record of the period that `budget` is in, ended at `endUs`. */
export const closePeriod = (budget: Budget, endUs: InstantUs): ClosedPeriod => ({
  project: budget.project,
  user: budget.user,
  periodId: budget.periodId,
  periodStartUs: budget.periodStartUs,
  periodEndUs: endUs,
  spentNanoUsd: budget.spentNanoUsd,
  totalNanoUsd: budget.totalNanoUsd,
});

/** Identifies a budget. Names hold no control characters, so a joint one cannot be forged. */
export const budgetKey = (project: string, user: string): string => `${project}\0${user}`;
