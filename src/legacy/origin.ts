import { invalidField } from "../domain/errors.ts";
import type { Costs } from "../domain/legacy-memory.ts";
import { inRange, type NanoUsd } from "../domain/money.ts";
import { checkText } from "../domain/name.ts";
import { type InstantUs, PERIOD_COUNT_MAX } from "../domain/period.ts";

/**
 * What /get_budget puts into a record under the key `purser`, and the client gives back unchanged: what the record said when
 * it was handed out. Amounts are those that the record's own numbers read back as.
 */
export interface Origin {
  /** Names the answer that it came with: one for each time that a client loads its map. */
  session: string;
  /** The database's clock when it was handed out. */
  issuedUs: InstantUs;
  totalNanoUsd: NanoUsd;
  durationDays: number | undefined;
  lastUpdatedUs: InstantUs;
  costs: Costs;
}

const SESSION_BYTES_MAX = 64;

/** As JSON text: numbers that must stay exact are strings. */
export const originText = (origin: Origin): string =>
  JSON.stringify([
    origin.session,
    ...[origin.issuedUs, origin.totalNanoUsd, origin.lastUpdatedUs].map(String),
    origin.durationDays ?? null,
    [...origin.costs].map(([model, cost]) => [model, String(cost)]),
  ]);

/** Reads what `originText` wrote. @throws INVALID_FIELD */
export function parseOrigin(field: string, value: unknown): Origin {
  const wrong = (): never => {
    throw invalidField(field, "must be as /get_budget gave it");
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

/** Calendar periods, in days, may be longer than what the client itself can ask for. */
const DAYS_MAX = 366 * PERIOD_COUNT_MAX;

const isDays = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= DAYS_MAX;
