import { invalidField } from "../domain/errors.ts";
import type { Costs } from "../domain/legacy-memory.ts";
import { inRange, type NanoUsd } from "../domain/money.ts";
import { checkText } from "../domain/name.ts";
import { type InstantUs, PERIOD_COUNT_MAX } from "../domain/period.ts";

/**
 * The content of a record at the time when /get_budget returned it. /get_budget puts it into the record under the key
 * `purser`, and the client posts it back unchanged. Amounts are those that the record's floats parse to.
 */
export interface Origin {
  /** Identifies the /get_budget answer. Each load of the map has a session of its own. */
  session: string;
  /** The clock of the database when the record was handed out. */
  issuedUs: InstantUs;
  totalNanoUsd: NanoUsd;
  durationDays: number | undefined;
  lastUpdatedUs: InstantUs;
  costs: Costs;
}

const SESSION_BYTES_MAX = 64;

/** The origin as JSON text. Numbers that must stay exact are strings. */
export const originText = (origin: Origin): string =>
  JSON.stringify([
    origin.session,
    ...[origin.issuedUs, origin.totalNanoUsd, origin.lastUpdatedUs].map(String),
    origin.durationDays ?? null,
    [...origin.costs].map(([model, cost]) => [model, String(cost)]),
  ]);

/** Parses the output of `originText`. @throws INVALID_FIELD */
export function parseOrigin(field: string, value: unknown): Origin {
  const wrong = (): never => {
    throw invalidField(field, "must be the unchanged value from /get_budget");
  };
  const integer = (text: unknown): bigint => {
    const value = typeof text === "string" && /^\d{1,19}$/.test(text) ? BigInt(text) : wrong();
    return inRange(value) ? value : wrong();
  };
  const pair = (item: unknown): [string, NanoUsd] =>
    Array.isArray(item) && typeof item[0] === "string" ? [item[0], integer(item[1])] : wrong();
  if (!Array.isArray(value)) return wrong();
  const [session, issued, total, lastUpdated, days, costs] = value as readonly unknown[];
  if (typeof session !== "string" || session === "" || !Array.isArray(costs)) return wrong();
  return {
    session: checkText(field, session, SESSION_BYTES_MAX),
    issuedUs: integer(issued),
    totalNanoUsd: integer(total),
    lastUpdatedUs: integer(lastUpdated),
    durationDays: days === null ? undefined : isDays(days) ? days : wrong(),
    costs: new Map(costs.map(pair)),
  };
}

/** A calendar period in days may be longer than the longest duration that the client can ask for. */
const DAYS_MAX = 366 * PERIOD_COUNT_MAX;

const isDays = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= DAYS_MAX;
