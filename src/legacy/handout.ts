import type { Budget } from "../domain/budget.ts";
import { dollarsFromNanoUsd, type NanoUsd } from "../domain/money.ts";
import { type InstantUs, PERIOD_COUNT_MAX, type Period, type PeriodUnit } from "../domain/period.ts";
import type { LegacyBudget } from "../store/legacy.ts";
import { costsOf } from "./costs.ts";
import { asFloat, instantFromSeconds, nanoUsdFromFloat } from "./floats.ts";
import { type Origin, originText } from "./origin.ts";

/** Days in a unit as the client counts them: "monthly" is 28 days and "yearly" is 365 days. */
const DAYS: Record<PeriodUnit, number> = { DAY: 1, WEEK: 7, MONTH: 28, YEAR: 365 };
const DAY_US = 86_400_000_000n;

export const daysOf = (period: Period | undefined): number | undefined =>
  period && DAYS[period.unit] * period.count;

/** The period that has this many days, as the client counts them. Undefined if there is none. */
export function lengthOfDays(days: number): Pick<Period, "unit" | "count"> | undefined {
  if (days <= PERIOD_COUNT_MAX) return { unit: "DAY", count: days };
  // Purser has handed out longer durations for budgets whose period is counted in years, months or weeks.
  const units = (["YEAR", "MONTH", "WEEK"] as const).filter(
    (unit) => days % DAYS[unit] === 0 && days / DAYS[unit] <= PERIOD_COUNT_MAX,
  );
  return units[0] && { unit: units[0], count: days / DAYS[units[0]] };
}

/**
 * One member of the map that /get_budget returns: a user and the JSON text of the user's record. The text is built by
 * hand because JSON.stringify would round the amounts, and an object would reorder names such as `7` and lose
 * `__proto__`.
 */
export const recordMember = (
  each: LegacyBudget,
  session: string,
  nowUs: InstantUs,
): [user: string, json: string] => [each.budget.user, recordText(each, session, nowUs)];

function recordText({ budget, modelCosts }: LegacyBudget, session: string, nowUs: InstantUs): string {
  // Refunds can make the spend negative, and the client's map cannot express that.
  const spentNanoUsd = budget.spentNanoUsd > 0n ? budget.spentNanoUsd : 0n;
  const durationDays = daysOf(budget.period);
  const lastUpdatedUs = lastUpdated(budget, durationDays);
  const shown = [...modelCosts].filter(([, cost]) => cost > 0n);
  const origin: Origin = {
    session,
    issuedUs: nowUs,
    totalNanoUsd: asRead(budget.totalNanoUsd),
    durationDays,
    lastUpdatedUs: instantFromSeconds(asFloat(secondsText(lastUpdatedUs))) ?? lastUpdatedUs,
    costs: costsOf(
      asRead(spentNanoUsd),
      shown.map(([model, cost]) => [model, asRead(cost)]),
    ),
  };
  const members: [string, string][] = [["total_budget", dollarsFromNanoUsd(budget.totalNanoUsd)]];
  // The client expects a number if the key is present.
  if (durationDays !== undefined) members.push(["duration", String(durationDays)]);
  members.push(
    ["created_at", secondsText(budget.createdAtUs)],
    ["last_updated_at", secondsText(lastUpdatedUs)],
    ["current_cost", dollarsFromNanoUsd(spentNanoUsd)],
  );
  // Absent if nothing was spent, as in a new record of the client: an empty `model_cost` then always means a reset.
  if (shown.length > 0) {
    members.push(["model_cost", objectText(shown.map(([model, cost]) => [model, dollarsFromNanoUsd(cost)]))]);
  }
  return objectText([...members, ["purser", originText(origin)]]);
}

/**
 * The instant from which the client counts the duration, chosen so that the client resets its record when Purser's
 * period ends.
 */
const lastUpdated = ({ periodStartUs, periodEndUs }: Budget, durationDays: number | undefined): InstantUs =>
  notBefore1970(
    periodEndUs === undefined || durationDays === undefined
      ? periodStartUs
      : periodEndUs - BigInt(durationDays) * DAY_US,
  );

const notBefore1970 = (instantUs: InstantUs): InstantUs => (instantUs > 0n ? instantUs : 0n);

/** An amount after the client has parsed it as a float and posted it. Increases are computed from this amount. */
const asRead = (amount: NanoUsd): NanoUsd => nanoUsdFromFloat(asFloat(dollarsFromNanoUsd(amount))) ?? amount;

const US_DIGITS = 6;

const secondsText = (instantUs: InstantUs): string => {
  const digits = String(instantUs).padStart(US_DIGITS + 1, "0");
  return `${digits.slice(0, -US_DIGITS)}.${digits.slice(-US_DIGITS)}`;
};

/** An object as JSON text. The names keep their order. */
export const objectText = (members: readonly (readonly [name: string, json: string])[]): string =>
  `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(",")}}`;
