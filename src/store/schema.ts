import type { ColumnType } from "kysely";

/**
 * The tables as Kysely sees them; migrations/ says what they mean. Instants are read as bigint microseconds (the
 * parsers are in database.ts) and written as the text of `timestampText`.
 */
export interface Schema {
  budgets: BudgetsTable;
  model_costs: ModelCostsTable;
  periods: PeriodsTable;
  entries: EntriesTable;
  legacy_maps: LegacyMapsTable;
  legacy_records: LegacyRecordsTable;
  model_prices: ModelPricesTable;
  reservations: ReservationsTable;
}

type Timestamp = ColumnType<bigint, string, string>;
type NullableTimestamp = ColumnType<bigint | null, string | null, string | null>;
type Json = ColumnType<unknown, string, string>;
type NullableJson = ColumnType<unknown, string | null, string | null>;

interface BudgetsTable {
  project: string;
  user_id: string;
  total_nano_usd: bigint;
  spent_nano_usd: bigint;
  held_nano_usd: bigint;
  period_unit: string | null;
  period_count: number | null;
  period_anchor: NullableTimestamp;
  period_time_zone: string | null;
  period_id: bigint;
  period_start: Timestamp;
  period_end: NullableTimestamp;
  parent_user_id: string | null;
  model_limits: NullableJson;
  creation_fingerprint: string;
  created_at: Timestamp;
  updated_at: Timestamp;
}

interface ModelCostsTable {
  project: string;
  user_id: string;
  period_id: bigint;
  model: string;
  cost_nano_usd: bigint;
}

interface PeriodsTable {
  project: string;
  user_id: string;
  period_id: bigint;
  period_start: Timestamp;
  period_end: Timestamp;
  spent_nano_usd: bigint;
  total_nano_usd: bigint;
}

interface EntriesTable {
  project: string;
  request_id: string;
  user_id: string;
  request_fingerprint: string;
  kind: "CHARGE" | "RESET" | "CORRECTION";
  source: "COMPLETION" | "TEXT" | "USAGE" | "COST" | "RESET" | "LEGACY" | "RESERVATION";
  model: string | null;
  cost_nano_usd: bigint;
  detail: NullableJson;
  reservation_id: string | null;
  ancestors: string[];
  period_id: bigint;
  period_start: Timestamp;
  period_end: NullableTimestamp;
  spent_after_nano_usd: bigint;
  held_after_nano_usd: bigint;
  total_after_nano_usd: bigint;
  created_at: Timestamp;
}

interface LegacyMapsTable {
  project: string;
  user_dict: Json;
  updated_at: Timestamp;
}

interface LegacyRecordsTable {
  project: string;
  session_id: string;
  user_id: string;
  costs: Json;
  costs_before: Json;
  raised_at: Timestamp;
  begun_at: NullableTimestamp;
  beginnings: number;
  last_updated_at: NullableTimestamp;
  total_nano_usd: bigint | null;
  duration_days: number | null;
  seen_at: Timestamp;
  is_handed_out: boolean;
}

interface ModelPricesTable {
  project: string;
  model: string;
  rates: Json;
  updated_at: Timestamp;
}

interface ReservationsTable {
  project: string;
  reservation_id: string;
  user_id: string;
  model: string;
  held_nano_usd: bigint;
  state: "HELD" | "SETTLED" | "RELEASED" | "EXPIRED";
  on_expiry: "RELEASE" | "CHARGE";
  request_fingerprint: string;
  detail: NullableJson;
  ancestors: string[];
  created_at: Timestamp;
  expires_at: Timestamp;
  closed_at: NullableTimestamp;
}
