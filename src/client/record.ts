import { type Timestamp, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Budget, PeriodUnit } from "../../gen/es/budget/v1/budget_pb.ts";
import { dollarsOf } from "./dollars.ts";

/** How often a budget resets: every calendar day, week, month or year. */
export type BudgetDuration = "daily" | "weekly" | "monthly" | "yearly";

const UNITS = {
  daily: PeriodUnit.DAY,
  weekly: PeriodUnit.WEEK,
  monthly: PeriodUnit.MONTH,
  yearly: PeriodUnit.YEAR,
} as const satisfies Record<BudgetDuration, PeriodUnit>;

/** A user's budget. Money is US dollars. */
export interface BudgetRecord {
  /** The maximum cost of one period. */
  totalBudget: number;
  /** The amount spent in this period. */
  currentCost: number;
  /** The total minus the amounts spent and held. Negative if the budget is exceeded. */
  remaining: number;
  /** Absent if the budget never resets, or if its period has no such name. In the second case `periodEnd` is set. */
  duration?: BudgetDuration;
  /** The given `createdAt`, from which periods are counted. Without it, the time when the budget was created. */
  createdAt: Date;
  /** The start of this period, or the last reset of the cost. */
  lastUpdatedAt: Date;
  /** The start of the next period. Absent if the budget never resets. */
  periodEnd?: Date;
}

export function recordOf(budget: Budget): BudgetRecord {
  const { period, periodEnd } = budget;
  const duration = durationOf(period);
  return {
    totalBudget: dollarsOf(budget.totalBudgetNanoUsd),
    currentCost: dollarsOf(budget.spentNanoUsd),
    remaining: dollarsOf(budget.remainingNanoUsd),
    ...(duration && { duration }),
    createdAt: dateOf(period?.anchor ?? budget.createTime),
    lastUpdatedAt: dateOf(budget.periodStart),
    ...(periodEnd && { periodEnd: dateOf(periodEnd) }),
  };
}

const durationOf = (period: Budget["period"]): BudgetDuration | undefined =>
  period?.count === 1
    ? (Object.keys(UNITS) as BudgetDuration[]).find((name) => UNITS[name] === period.unit)
    : undefined;

const dateOf = (timestamp: Parameters<typeof timestampDate>[0] | undefined): Date =>
  timestamp === undefined ? new Date(Number.NaN) : timestampDate(timestamp);

/** The budget that createBudget was called for. */
export interface Wanted {
  totalBudgetNanoUsd: bigint;
  /** Absent if it never resets. Without an anchor, the existing anchor is kept; a new budget starts now. */
  period: { unit: PeriodUnit; count: number; anchor: Timestamp | undefined } | undefined;
}

/** @throws RangeError for an unknown duration, TypeError for a `createdAt` that is not a valid date */
export function periodOf(
  duration: BudgetDuration | undefined,
  createdAt: Date | undefined,
): Wanted["period"] {
  if (duration === undefined) return undefined;
  const unit = Object.hasOwn(UNITS, duration) ? UNITS[duration] : undefined;
  if (unit === undefined) {
    const names = Object.keys(UNITS).join(", ");
    throw new RangeError(`duration: must be one of ${names}, not ${JSON.stringify(duration)}`);
  }
  if (createdAt !== undefined && !(createdAt instanceof Date && Number.isFinite(createdAt.getTime()))) {
    throw new TypeError("createdAt: must be a valid Date");
  }
  return { unit, count: 1, anchor: createdAt && timestampFromDate(createdAt) };
}

/** The fields of a budget that differ from the wanted ones, as paths of an update mask. */
export function differences(budget: Budget, wanted: Wanted): string[] {
  const paths: string[] = [];
  if (budget.totalBudgetNanoUsd !== wanted.totalBudgetNanoUsd) paths.push("total_budget_nano_usd");
  if (!isAsWanted(budget.period, wanted.period)) paths.push("period");
  return paths;
}

function isAsWanted(period: Budget["period"], wanted: Wanted["period"]): boolean {
  if (period === undefined || wanted === undefined) return period === wanted;
  const { unit, count, anchor } = wanted;
  const isSameAnchor =
    anchor === undefined ||
    (period.anchor?.seconds === anchor.seconds && period.anchor.nanos === anchor.nanos);
  return period.unit === unit && period.count === count && isSameAnchor;
}
