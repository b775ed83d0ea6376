import type { Budget } from "../domain/budget.ts";
import { dollarsFromNanoUsd, type NanoUsd } from "../domain/money.ts";
import type { InstantUs, Period, PeriodUnit } from "../domain/period.ts";
import type { LegacyBudget } from "../store/legacy.ts";
import { costsOf } from "./costs.ts";
import { asFloat, instantFromSeconds, nanoUsdFromFloat } from "./floats.ts";
import { type Origin, originText } from "./origin.ts";

/** Days in a unit, as the client counts them: its "monthly" is 28 days, its "yearly" 365. */
const DAYS: Record<PeriodUnit, number> = { DAY: 1, WEEK: 7, MONTH: 28, YEAR: 365 };
const DAY_US = 86_400_000_000n;

export const daysOf = (period: Period | undefined): number | undefined =>
  period && DAYS[period.unit] * period.count;

/**
 * A member of the map of /get_budget: a user and the JSON text of the user's record. The text is written by hand: amounts are
 * exact decimals, and names like `__proto__` or `7` stay in their place.
 */
export const recordMember = (
  each: LegacyBudget,
  session: string,
  nowUs: InstantUs,
): [user: string, json: string] => [each.budget.user, recordText(each, session, nowUs)];

function recordText({ budget, modelCosts }: LegacyBudget, session: string, nowUs: InstantUs): string {
  // Refunds can make it negative, which the client's map has no meaning for.
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
  // A client that finds a duration expects a number in it.
  if (durationDays !== undefined) members.push(["duration", String(durationDays)]);
  members.push(
    ["created_at", secondsText(budget.createdAtUs)],
    ["last_updated_at", secondsText(lastUpdatedUs)],
    ["current_cost", dollarsFromNanoUsd(spentNanoUsd)],
  );
  // Absent where nothing was spent, as in the client's own new records: an empty one then always is a reset.
  if (shown.length > 0) {
    members.push(["model_cost", objectText(shown.map(([model, cost]) => [model, dollarsFromNanoUsd(cost)]))]);
  }
  return objectText([...members, ["purser", originText(origin)]]);
}

/** Where the client begins to count the duration from, so that it resets its record when Purser's period ends. */
const lastUpdated = ({ periodStartUs, periodEndUs }: Budget, durationDays: number | undefined): InstantUs =>
  notBefore1970(
    periodEndUs === undefined || durationDays === undefined
      ? periodStartUs
      : periodEndUs - BigInt(durationDays) * DAY_US,
  );

const notBefore1970 = (instantUs: InstantUs): InstantUs => (instantUs > 0n ? instantUs : 0n);

/** An amount as it comes back when it has been a float: the client's differences are counted from that. */
const asRead = (amount: NanoUsd): NanoUsd => nanoUsdFromFloat(asFloat(dollarsFromNanoUsd(amount))) ?? amount;

const US_DIGITS = 6;

const secondsText = (instantUs: InstantUs): string => {
  const digits = String(instantUs).padStart(US_DIGITS + 1, "0");
  return `${digits.slice(0, -US_DIGITS)}.${digits.slice(-US_DIGITS)}`;
};

/** An object as JSON text. */
export const objectText = (members: readonly (readonly [name: string, json: string])[]): string =>
  `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(",")}}`;
