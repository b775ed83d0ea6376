import { setImmediate as nextTurn } from "node:timers/promises";
import { invalidField } from "../domain/errors.ts";
import { isObject } from "../domain/json.ts";
import type { Costs } from "../domain/legacy-memory.ts";
import type { NanoUsd } from "../domain/money.ts";
import { checkName } from "../domain/name.ts";
import { type InstantUs, PERIOD_COUNT_MAX } from "../domain/period.ts";
import { costsOf, NO_MODEL } from "./costs.ts";
import { instantFromSeconds, nanoUsdFromFloat } from "./floats.ts";
import { lengthOfDays } from "./handout.ts";
import { type Origin, parseOrigin } from "./origin.ts";

/** One user's record in LiteLLM's BudgetManager, as it posts the record to /set_budget. */
export interface LegacyRecord {
  user: string;
  totalNanoUsd: NanoUsd;
  /** Absent: the budget has one period, which never ends. */
  durationDays: number | undefined;
  createdUs: InstantUs | undefined;
  /**
   * When the client last reset the record because its duration had passed. Before the first such reset, the creation
   * time.
   */
  lastUpdatedUs: InstantUs | undefined;
  /** The spend since the record's last reset, by model. */
  costs: Costs;
  /** `current_cost` is 0 and `model_cost` is empty. Only the client's reset_cost leaves a record in this state. */
  isZeroed: boolean;
  /** The origin that /get_budget put into the record. Absent if the client made the record. */
  origin: Origin | undefined;
}

/** The most records that are parsed in one slice. Other calls run between two slices. */
const SLICE_RECORDS_MAX = 1000;

/** Parses a posted map of users. @throws INVALID_FIELD naming the field, as in `user_dict.alice.current_cost` */
export async function parseLegacyMap(userDict: unknown): Promise<LegacyRecord[]> {
  if (!isObject(userDict)) throw invalidField("user_dict", "must be an object that maps users to budgets");
  const records: LegacyRecord[] = [];
  for (const [user, record] of Object.entries(userDict)) {
    records.push(parseRecord(checkName("user_dict", user), record));
    if (records.length % SLICE_RECORDS_MAX === 0) await nextTurn();
  }
  return records;
}

function parseRecord(user: string, record: unknown): LegacyRecord {
  const field = `user_dict.${user}`;
  if (!isObject(record)) throw invalidField(field, "must be an object");
  const { total_budget, duration, created_at, last_updated_at, current_cost, model_cost, purser } = record;
  const costs = parseCosts(field, current_cost, model_cost);
  const origin = optional(purser, (value) => parseOrigin(`${field}.purser`, value));
  return {
    user,
    totalNanoUsd: checkDollars(`${field}.total_budget`, total_budget),
    // A duration that Purser handed out is accepted even if it is longer than the client may ask for.
    durationDays: optional(duration, (value) =>
      isHandedOut(value, origin) ? value : checkDays(`${field}.duration`, value),
    ),
    createdUs: optional(created_at, (value) => checkSeconds(`${field}.created_at`, value)),
    lastUpdatedUs: optional(last_updated_at, (value) => checkSeconds(`${field}.last_updated_at`, value)),
    costs,
    isZeroed: current_cost === 0 && isObject(model_cost) && Object.keys(model_cost).length === 0,
    origin,
  };
}

/** Whether Purser has handed out this duration. A mangled record may claim one that no period has. */
const isHandedOut = (value: unknown, origin: Origin | undefined): value is number =>
  typeof value === "number" && value === origin?.durationDays && lengthOfDays(value) !== undefined;

const optional = <T>(value: unknown, check: (value: unknown) => T): T | undefined =>
  value === undefined || value === null ? undefined : check(value);

function parseCosts(field: string, current: unknown, models: unknown): Costs {
  const total = optional(current, (value) => checkDollars(`${field}.current_cost`, value)) ?? 0n;
  const byModel = optional(models, (value) => checkModels(`${field}.model_cost`, value)) ?? [];
  return costsOf(total, byModel);
}

function checkModels(field: string, models: unknown): [string, NanoUsd][] {
  if (!isObject(models)) throw invalidField(field, "must be an object that maps models to costs");
  return Object.entries(models).map(([model, cost]) => [
    checkName(field, model || NO_MODEL),
    checkDollars(`${field}.${model}`, cost),
  ]);
}

function checkDollars(field: string, value: unknown): NanoUsd {
  if (typeof value !== "number")
    throw invalidField(field, `must be a number of dollars, not ${shown(value)}`);
  const amount = nanoUsdFromFloat(value);
  if (amount === undefined) throw invalidField(field, "must be less than 9.2 billion dollars");
  if (amount < 0n) throw invalidField(field, `must be 0 or more, not ${value}`);
  return amount;
}

function checkDays(field: string, value: unknown): number {
  const isDays = typeof value === "number" && Number.isInteger(value);
  if (!isDays || value < 1 || value > PERIOD_COUNT_MAX) {
    const allowed = `a whole number of days from 1 to ${PERIOD_COUNT_MAX}`;
    throw invalidField(field, `must be ${allowed}, not ${shown(value)}`);
  }
  return value;
}

function checkSeconds(field: string, value: unknown): InstantUs {
  const instant = typeof value === "number" ? instantFromSeconds(value) : undefined;
  if (instant !== undefined) return instant;
  throw invalidField(field, `must be seconds since 1970, before the year 10000, not ${shown(value)}`);
}

const shown = (value: unknown): string => JSON.stringify(value) ?? "absent";
