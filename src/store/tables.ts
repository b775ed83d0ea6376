import type { AuditAction, AuditEntry } from "../domain/audit.ts";
import type { Budget, ClosedPeriod, ModelLimit } from "../domain/budget.ts";
import type { Entry, ModelCost } from "../domain/entry.ts";
import type { Json } from "../domain/json.ts";
import type { Key } from "../domain/key.ts";
import type { Costs, Memory } from "../domain/legacy-memory.ts";
import type { InstantUs, Period } from "../domain/period.ts";
import type { ProjectPrice } from "../domain/prices.ts";
import type { Reservation } from "../domain/reservation.ts";
import {
  bool,
  clockInstant,
  instant,
  int4,
  int8,
  json,
  jsonOf,
  optional,
  text,
  textArray,
  wordOf,
} from "./codecs.ts";
import { type RowOf, table } from "./table.ts";

/** The tables, and how each column stores a field. The files in migrations/ explain what the columns mean. */

interface LimitJson {
  model: string;
  limit_nano_usd: string;
  spent_nano_usd: string;
  held_nano_usd: string;
}

const limits = jsonOf<readonly ModelLimit[], LimitJson[]>(
  (values) =>
    values.map((limit) => ({
      model: limit.model,
      limit_nano_usd: String(limit.limitNanoUsd),
      spent_nano_usd: String(limit.spentNanoUsd),
      held_nano_usd: String(limit.heldNanoUsd),
    })),
  (stored) =>
    stored.map((limit) => ({
      model: limit.model,
      limitNanoUsd: BigInt(limit.limit_nano_usd),
      spentNanoUsd: BigInt(limit.spent_nano_usd),
      heldNanoUsd: BigInt(limit.held_nano_usd),
    })),
);

/** An empty list is stored as null, because most budgets have no limits. */
const limitsOrNull: typeof limits = {
  ...limits,
  toCell: (values) => (values.length === 0 ? null : limits.toCell(values)),
  fromSelected: (selected) => (selected === null ? [] : limits.fromSelected(selected)),
};

export const budgetsTable = table<Budget>()("budgets", ["project", "user_id"], {
  project: ["project", text],
  user_id: ["user", text],
  total_nano_usd: ["totalNanoUsd", int8],
  spent_nano_usd: ["spentNanoUsd", int8],
  held_nano_usd: ["heldNanoUsd", int8],
  period_unit: ["period.unit", optional(wordOf<Period["unit"]>())],
  period_count: ["period.count", optional(int4)],
  period_anchor: ["period.anchorUs", optional(instant)],
  period_time_zone: ["period.timeZone", optional(text)],
  period_id: ["periodId", int8],
  period_start: ["periodStartUs", instant],
  period_end: ["periodEndUs", optional(instant)],
  parent_user_id: ["parent", optional(text)],
  model_limits: ["modelLimits", limitsOrNull],
  creation_fingerprint: ["creationFingerprint", text],
  created_at: ["createdAtUs", instant],
  updated_at: ["updatedAtUs", instant],
});

export type BudgetRow = RowOf<typeof budgetsTable>;

export const modelCostsTable = table<ModelCost>()(
  "model_costs",
  ["project", "user_id", "period_id", "model"],
  {
    project: ["project", text],
    user_id: ["user", text],
    period_id: ["periodId", int8],
    model: ["model", text],
    cost_nano_usd: ["costNanoUsd", int8],
  },
);

export const periodsTable = table<ClosedPeriod>()("periods", ["project", "user_id", "period_id"], {
  project: ["project", text],
  user_id: ["user", text],
  period_id: ["periodId", int8],
  period_start: ["periodStartUs", instant],
  period_end: ["periodEndUs", instant],
  spent_nano_usd: ["spentNanoUsd", int8],
  total_nano_usd: ["totalNanoUsd", int8],
});

export const entriesTable = table<Entry>()("entries", ["project", "request_id"], {
  project: ["project", text],
  request_id: ["requestId", text],
  user_id: ["user", text],
  request_fingerprint: ["fingerprint", text],
  kind: ["kind", wordOf<Entry["kind"]>()],
  source: ["source", wordOf<Entry["source"]>()],
  model: ["model", optional(text)],
  cost_nano_usd: ["costNanoUsd", int8],
  detail: ["detail", optional(json<Exclude<Entry["detail"], undefined>>())],
  reservation_id: ["reservationId", optional(text)],
  corrects_request_id: ["correctsRequestId", optional(text)],
  ancestors: ["ancestors", textArray],
  period_id: ["periodId", int8],
  period_start: ["periodStartUs", instant],
  period_end: ["periodEndUs", optional(instant)],
  spent_after_nano_usd: ["spentAfterNanoUsd", int8],
  held_after_nano_usd: ["heldAfterNanoUsd", int8],
  total_after_nano_usd: ["totalAfterNanoUsd", int8],
  created_at: ["createdAtUs", clockInstant],
});

export const reservationsTable = table<Reservation>()("reservations", ["project", "reservation_id"], {
  project: ["project", text],
  reservation_id: ["reservationId", text],
  user_id: ["user", text],
  model: ["model", text],
  held_nano_usd: ["heldNanoUsd", int8],
  state: ["state", wordOf<Reservation["state"]>()],
  on_expiry: ["onExpiry", wordOf<Reservation["onExpiry"]>()],
  request_fingerprint: ["fingerprint", text],
  detail: ["detail", optional(json<Exclude<Reservation["detail"], undefined>>())],
  ancestors: ["ancestors", textArray],
  created_at: ["createdAtUs", instant],
  expires_at: ["expiresAtUs", instant],
  closed_at: ["closedAtUs", optional(instant)],
});

/** A price that a project has set, and when it was last set. */
export interface StoredPrice extends ProjectPrice {
  project: string;
  updatedAtUs: InstantUs;
}

export const modelPricesTable = table<StoredPrice>()("model_prices", ["project", "model"], {
  project: ["project", text],
  model: ["model", text],
  rates: ["rates", json<StoredPrice["rates"]>()],
  updated_at: ["updatedAtUs", instant],
});

/** The memory of one record of LiteLLM's client. */
export interface StoredRecord {
  project: string;
  session: string;
  user: string;
  memory: Memory;
  /** Whether the client got the record from /get_budget. Otherwise the client created it. */
  isHandedOut: boolean;
  /** When its session last posted, accurate to the day. */
  seenUs: InstantUs;
}

/** Stored as pairs, because jsonb does not keep the order of keys. */
const costs = jsonOf<Costs, [string, string][]>(
  (values) => [...values].map(([model, cost]) => [model, String(cost)]),
  (stored) => new Map(stored.map(([model, cost]) => [model, BigInt(cost)])),
);

export const legacyRecordsTable = table<StoredRecord>()(
  "legacy_records",
  ["project", "session_id", "user_id"],
  {
    project: ["project", text],
    session_id: ["session", text],
    user_id: ["user", text],
    costs: ["memory.costs", costs],
    costs_before: ["memory.costsBefore", costs],
    raised_at: ["memory.raisedUs", instant],
    begun_at: ["memory.begunUs", optional(instant)],
    beginnings: ["memory.beginnings", int4],
    last_updated_at: ["memory.lastUpdatedUs", optional(instant)],
    total_nano_usd: ["memory.totalNanoUsd", optional(int8)],
    duration_days: ["memory.durationDays", optional(int4)],
    seen_at: ["seenUs", instant],
    is_handed_out: ["isHandedOut", bool],
  },
);

interface LegacyMap {
  project: string;
  map: unknown;
  updatedAtUs: InstantUs;
}

export const legacyMapsTable = table<LegacyMap>()("legacy_maps", ["project"], {
  project: ["project", text],
  user_dict: ["map", json<unknown>()],
  updated_at: ["updatedAtUs", instant],
});

/** Keys, without their secrets. */
export const keysTable = table<Key>()("keys", ["project", "key_id"], {
  project: ["project", text],
  key_id: ["keyId", text],
  secret_hash: ["secretHash", text],
  prefix: ["prefix", text],
  name: ["name", text],
  role: ["role", wordOf<Key["role"]>()],
  user_id: ["user", optional(text)],
  calls_per_second_max: ["callsPerSecondMax", optional(int4)],
  calls_in_flight_max: ["callsInFlightMax", optional(int4)],
  created_at: ["createdAtUs", instant],
  creator: ["creator", text],
  expires_at: ["expiresAtUs", optional(instant)],
  revoked_at: ["revokedAtUs", optional(instant)],
  used_at: ["usedAtUs", optional(instant)],
});

export const auditEntriesTable = table<AuditEntry>()("audit_entries", ["project", "audit_id"], {
  project: ["project", text],
  audit_id: ["auditId", text],
  created_at: ["createdAtUs", instant],
  actor: ["actor", text],
  action: ["action", wordOf<AuditAction>()],
  subject: ["subject", text],
  before: ["before", optional(json<Json>())],
  after: ["after", optional(json<Json>())],
});
