import type { Budget } from "./budget.ts";
import type { Json } from "./json.ts";
import type { Key } from "./key.ts";
import type { NanoUsd } from "./money.ts";
import type { InstantUs } from "./period.ts";
import type { ProjectPrice } from "./prices/project.ts";
import { snakeCase } from "./usage.ts";

/** The audit log: which administrative changes it records, and what an entry says about each. */

export type AuditAction =
  | "CREATE_BUDGET"
  | "UPDATE_BUDGET"
  | "DELETE_BUDGET"
  | "RESET_COST"
  | "REFUND_COST"
  | "SET_MODEL_PRICE"
  | "DELETE_MODEL_PRICE"
  | "CREATE_KEY"
  | "REVOKE_KEY";

/** One administrative change. It is written in the transaction of the change. */
export interface AuditEntry {
  /** Empty for a change of an operator's key. */
  project: string;
  /** Unique in the project. */
  auditId: string;
  createdAtUs: InstantUs;
  /** Who made the change, as in AuditEntry.actor of the proto. */
  actor: string;
  action: AuditAction;
  /** The user of a budget, the model of a price, or the id of a key. */
  subject: string;
  /** What was changed, as it was before. Undefined: there was nothing. */
  before: Json | undefined;
  /** What was changed, as it is after. Undefined: nothing is left. */
  after: Json | undefined;
}

/** A change whose entry has no id yet. */
export type AuditedChange = Omit<AuditEntry, "auditId">;

/**
 * A change as a list of one, or of none if nothing is different after it.
 *
 * @param operation The budget that was changed, and who asked for it.
 */
export function auditedChange(
  { project, user, actor }: { project: string; user: string; actor: string },
  change: Omit<AuditedChange, "project" | "actor" | "subject">,
): AuditedChange[] {
  return isSame(change.before, change.after) ? [] : [{ project, actor, subject: user, ...change }];
}

/** Whether two values that one function of this file has made are equal. */
export const isSame = (before: Json | undefined, after: Json | undefined): boolean =>
  JSON.stringify(before) === JSON.stringify(after);

/*
 * The values before and after a change have the names and the forms of the proto's JSON, with snake_case names, so that they can be
 * compared with requests and answers. 64-bit integers are decimal text.
 */

/** What an administrator can set on a budget. */
export const budgetSettings = (budget: Budget): Json => ({
  total_budget_nano_usd: String(budget.totalNanoUsd),
  ...(budget.period && {
    period: {
      unit: `PERIOD_UNIT_${budget.period.unit}`,
      count: budget.period.count,
      anchor: rfc3339(budget.period.anchorUs),
      time_zone: budget.period.timeZone,
    },
  }),
  ...(budget.parent !== undefined && { parent: budget.parent }),
  model_limits: budget.modelLimits.map((limit) => ({
    model: limit.model,
    limit_nano_usd: String(limit.limitNanoUsd),
  })),
});

/** What a budget has spent since when: what a reset changes. */
export const spending = (budget: Budget): Json => ({
  spent_nano_usd: String(budget.spentNanoUsd),
  period_start: rfc3339(budget.periodStartUs),
});

/** What a refund takes back. */
export const refunded = (chargeId: string, amountNanoUsd: NanoUsd): Json => ({
  charge_request_id: chargeId,
  amount_nano_usd: String(amountNanoUsd),
});

/** The price of a model. */
export const priceSettings = ({ rates }: ProjectPrice): Json => ({
  rates: rates.map((rate) => ({
    dimension: snakeCase(rate.dimension),
    usd: rate.usd,
    per: String(rate.per),
    service_tier: `SERVICE_TIER_${(rate.serviceTier ?? "standard").toUpperCase()}`,
    above_input_tokens: String(rate.aboveInputTokens ?? 0),
  })),
});

/** The settings of a key, without its secret and its hash. */
export const keySettings = (key: Key): Json => ({
  name: key.name,
  prefix: key.prefix,
  role: `ROLE_${key.role}`,
  ...(key.user !== undefined && { user: key.user }),
  limits: {
    calls_per_second_max: key.callsPerSecondMax ?? 0,
    calls_in_flight_max: key.callsInFlightMax ?? 0,
  },
  ...(key.expiresAtUs !== undefined && { expire_time: rfc3339(key.expiresAtUs) }),
  ...(key.revokedAtUs !== undefined && { revoke_time: rfc3339(key.revokedAtUs) }),
});

const NS_PER_US = 1000n;

const rfc3339 = (instantUs: InstantUs): string =>
  Temporal.Instant.fromEpochNanoseconds(instantUs * NS_PER_US).toString();
