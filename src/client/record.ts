import { type Timestamp, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Budget, PeriodUnit } from "../../gen/es/budget/v1/budget_pb.ts";
import { dollarsOf } from "./dollars.ts";

/** How often a budget starts anew: every calendar day, week, month or year. */
export type BudgetDuration = "daily" | "weekly" | "monthly" | "yearly";

const UNITS = {
  daily: PeriodUnit.DAY,
  weekly: PeriodUnit.WEEK,
  monthly: PeriodUnit.MONTH,
  yearly: PeriodUnit.YEAR,
} as const satisfies Record<BudgetDuration, PeriodUnit>;

/** A user's budget. Money is US dollars. */
export interface BudgetRecord {
  /** The most that may be spent in one period. */
  totalBudget: number;
  /** What was spent in this period. */
  currentCost: number;
  /** What is left: less than nothing when the budget is exceeded. What reservations hold is not left. */
  remaining: number;
  /** Absent: it never starts anew, or it has a period that has no such name; then `periodEnd` is there. */
  duration?: BudgetDuration;
  /** The `createdAt` that was given, from which periods are counted, or else when the budget was created. */
  createdAt: Date;
  /** When this period began, or when the cost was last reset. */
  lastUpdatedAt: Date;
  /** When the next period begins. Absent: never. */
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

/** A budget as createBudget was asked for it. */
export interface Wanted {
  totalBudgetNanoUsd: bigint;
  /** Absent: it never starts anew. Without an anchor, windows begin wherever they do already, or else now. */
  period: { unit: PeriodUnit; count: number; anchor: Timestamp | undefined } | undefined;
}

/** @throws RangeError for a duration that is none, TypeError for a `createdAt` that is no date */
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

/** The fields of a budget that are not as they are wanted, as an update mask names them. */
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
