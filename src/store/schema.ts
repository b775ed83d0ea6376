import type { KyselyTable } from "./table.ts";
import type {
  auditEntriesTable,
  budgetsTable,
  entriesTable,
  keysTable,
  legacyMapsTable,
  legacyRecordsTable,
  modelCostsTable,
  modelPricesTable,
  periodsTable,
  reservationsTable,
} from "./tables.ts";

/**
 * The types of the tables for Kysely. Instants are read as bigint microseconds, by the parsers in database.ts, and written as
 * text, by `timestampText`.
 */
export interface Schema {
  budgets: KyselyTable<typeof budgetsTable>;
  model_costs: KyselyTable<typeof modelCostsTable>;
  periods: KyselyTable<typeof periodsTable>;
  entries: KyselyTable<typeof entriesTable>;
  keys: KyselyTable<typeof keysTable>;
  legacy_maps: KyselyTable<typeof legacyMapsTable>;
  legacy_records: KyselyTable<typeof legacyRecordsTable>;
  model_prices: KyselyTable<typeof modelPricesTable>;
  reservations: KyselyTable<typeof reservationsTable>;
  audit_entries: KyselyTable<typeof auditEntriesTable>;
}
