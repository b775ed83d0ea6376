import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type BudgetLevelSchema,
  type BudgetSchema,
  type ClosedPeriodSchema,
  Duration,
  type ModelLimit as ModelLimitMessage,
  type Period as PeriodMessage,
  PeriodUnit as UnitMessage,
} from "../../gen/es/budget/v1/budget_pb.ts";
import { type Budget, type ClosedPeriod, remaining } from "../domain/budget.ts";
import { invalidField } from "../domain/errors.ts";
import type { NanoUsd } from "../domain/money.ts";
import { isTimeZone, PERIOD_COUNT_MAX, type PeriodUnit } from "../domain/period.ts";
import type { LimitInput, PeriodInput } from "../engine/commit/operation.ts";
import type { Level } from "../engine/read/levels.ts";
import { checkAmount, checkName, checkTimestamp, toTimestamp } from "./fields.ts";

/** Converts budgets and periods between protobuf messages and domain values. */

const UNITS: Partial<Record<UnitMessage, PeriodUnit>> = {
  [UnitMessage.DAY]: "DAY",
  [UnitMessage.WEEK]: "WEEK",
  [UnitMessage.MONTH]: "MONTH",
  [UnitMessage.YEAR]: "YEAR",
};

const UNIT_MESSAGES: Record<PeriodUnit, UnitMessage> = {
  DAY: UnitMessage.DAY,
  WEEK: UnitMessage.WEEK,
  MONTH: UnitMessage.MONTH,
  YEAR: UnitMessage.YEAR,
};

const DURATION_UNITS: Partial<Record<Duration, PeriodUnit>> = {
  [Duration.DAILY]: "DAY",
  [Duration.WEEKLY]: "WEEK",
  [Duration.MONTHLY]: "MONTH",
  [Duration.YEARLY]: "YEAR",
};

/** @throws INVALID_FIELD naming the part of `period` that is wrong */
export function periodFromMessage(message: PeriodMessage | undefined): PeriodInput | undefined {
  if (message === undefined) return undefined;
  const unit = UNITS[message.unit];
  if (unit === undefined) throw invalidField("period.unit", "must be a day, week, month or year");
  if (message.count < 1 || message.count > PERIOD_COUNT_MAX) {
    throw invalidField("period.count", `must be 1 to ${PERIOD_COUNT_MAX}, not ${message.count}`);
  }
  const timeZone = message.timeZone === "" ? "UTC" : message.timeZone;
  if (!isTimeZone(timeZone)) {
    throw invalidField("period.time_zone", "must be an IANA time zone, such as America/New_York");
  }
  const anchorUs = message.anchor && checkTimestamp("period.anchor", message.anchor);
  return { unit, count: message.count, timeZone, anchorUs };
}

/** Converts the short form of a period. @throws INVALID_FIELD duration */
export function periodFromDuration(duration: Duration): PeriodInput | undefined {
  if (duration === Duration.UNSPECIFIED) return undefined;
  const unit = DURATION_UNITS[duration];
  if (unit === undefined) throw invalidField("duration", "must be daily, weekly, monthly or yearly");
  return { unit, count: 1, timeZone: "UTC", anchorUs: undefined };
}

export const budgetToMessage = (budget: Budget): MessageInitShape<typeof BudgetSchema> => ({
  project: budget.project,
  user: budget.user,
  totalBudgetNanoUsd: budget.totalNanoUsd,
  period: budget.period && {
    unit: UNIT_MESSAGES[budget.period.unit],
    count: budget.period.count,
    anchor: toTimestamp(budget.period.anchorUs),
    timeZone: budget.period.timeZone,
  },
  parent: budget.parent,
  modelLimits: [...budget.modelLimits],
  spentNanoUsd: budget.spentNanoUsd,
  heldNanoUsd: budget.heldNanoUsd,
  remainingNanoUsd: remaining(budget),
  ...periodBounds(budget),
  createTime: toTimestamp(budget.createdAtUs),
  updateTime: toTimestamp(budget.updatedAtUs),
  version: versionOf(budget),
});

/**
 * The version of a budget. It increases when the budget is written, and when a period begins that is not recorded yet.
 * Such a period has no id yet: every read gives it another one.
 */
export const versionOf = ({ updatedAtUs, periodStartUs }: Budget): bigint =>
  updatedAtUs > periodStartUs ? updatedAtUs : periodStartUs;

const LIMITS_MAX = 100;

/** @throws INVALID_FIELD naming the limit, as in `model_limits[2].model` */
export function limitsFromMessages(messages: readonly ModelLimitMessage[]): LimitInput[] {
  if (messages.length > LIMITS_MAX)
    throw invalidField("model_limits", `must have at most ${LIMITS_MAX} items`);
  const seen = new Set<string>();
  return messages.map(({ model, limitNanoUsd }, index) => {
    const field = `model_limits[${index}]`;
    checkName(`${field}.model`, model);
    if (seen.has(model)) throw invalidField(`${field}.model`, "has a limit already");
    seen.add(model);
    return { model, limitNanoUsd: checkAmount(`${field}.limit_nano_usd`, limitNanoUsd) };
  });
}

export const periodBounds = (budget: Budget) => ({
  periodStart: toTimestamp(budget.periodStartUs),
  periodEnd: budget.periodEndUs === undefined ? undefined : toTimestamp(budget.periodEndUs),
});

export const closedPeriodToMessage = (
  period: ClosedPeriod,
  modelCosts: ReadonlyMap<string, NanoUsd>,
): MessageInitShape<typeof ClosedPeriodSchema> => ({
  periodStart: toTimestamp(period.periodStartUs),
  periodEnd: toTimestamp(period.periodEndUs),
  spentNanoUsd: period.spentNanoUsd,
  totalBudgetNanoUsd: period.totalNanoUsd,
  modelCosts: Object.fromEntries(modelCosts),
});

export const levelToMessage = (level: Level): MessageInitShape<typeof BudgetLevelSchema> => ({
  user: level.budget.user,
  totalBudgetNanoUsd: level.budget.totalNanoUsd,
  spentNanoUsd: level.budget.spentNanoUsd,
  heldNanoUsd: level.budget.heldNanoUsd,
  remainingNanoUsd: remaining(level.budget),
  openReservations: level.openReservations,
  periodEnd: level.budget.periodEndUs === undefined ? undefined : toTimestamp(level.budget.periodEndUs),
  nextExpireTime: level.nextExpireUs === undefined ? undefined : toTimestamp(level.nextExpireUs),
});
