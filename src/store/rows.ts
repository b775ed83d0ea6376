import type { Selectable } from "kysely";
import type { Budget, ClosedPeriod, ModelLimit } from "../domain/budget.ts";
import type { Entry } from "../domain/entry.ts";
import type { Period, PeriodUnit } from "../domain/period.ts";
import type { Schema } from "./schema.ts";
import { timestampText } from "./timestamps.ts";

export type BudgetRow = Selectable<Schema["budgets"]>;
type EntryRow = Selectable<Schema["entries"]>;
type PeriodRow = Selectable<Schema["periods"]>;

export const budgetFromRow = (row: BudgetRow): Budget => ({
  project: row.project,
  user: row.user_id,
  totalNanoUsd: row.total_nano_usd,
  spentNanoUsd: row.spent_nano_usd,
  heldNanoUsd: row.held_nano_usd,
  period: periodFromRow(row),
  periodId: row.period_id,
  periodStartUs: row.period_start,
  periodEndUs: row.period_end ?? undefined,
  parent: row.parent_user_id ?? undefined,
  modelLimits: limitsFromJson(row.model_limits),
  creationFingerprint: row.creation_fingerprint,
  createdAtUs: row.created_at,
  updatedAtUs: row.updated_at,
});

/** A CHECK in the schema promises that the four columns are null together. */
function periodFromRow(row: BudgetRow): Period | undefined {
  if (row.period_unit === null || row.period_anchor === null) return undefined;
  return {
    unit: row.period_unit as PeriodUnit,
    count: row.period_count ?? 1,
    anchorUs: row.period_anchor,
    timeZone: row.period_time_zone ?? "UTC",
  };
}

interface LimitJson {
  model: string;
  limit_nano_usd: string;
  spent_nano_usd: string;
  held_nano_usd: string;
}

const limitsFromJson = (json: unknown): ModelLimit[] =>
  ((json ?? []) as LimitJson[]).map((limit) => ({
    model: limit.model,
    limitNanoUsd: BigInt(limit.limit_nano_usd),
    spentNanoUsd: BigInt(limit.spent_nano_usd),
    heldNanoUsd: BigInt(limit.held_nano_usd),
  }));

/** Amounts as text: JSON numbers are not exact. */
export const limitsToJson = (limits: readonly ModelLimit[]): string | null =>
  limits.length === 0
    ? null
    : JSON.stringify(
        limits.map(
          (limit): LimitJson => ({
            model: limit.model,
            limit_nano_usd: String(limit.limitNanoUsd),
            spent_nano_usd: String(limit.spentNanoUsd),
            held_nano_usd: String(limit.heldNanoUsd),
          }),
        ),
      );

/** The columns of a budget that a change may touch, as text where PostgreSQL reads text. */
export const budgetColumns = (budget: Budget) => ({
  total_nano_usd: budget.totalNanoUsd,
  spent_nano_usd: budget.spentNanoUsd,
  held_nano_usd: budget.heldNanoUsd,
  period_unit: budget.period?.unit ?? null,
  period_count: budget.period?.count ?? null,
  period_anchor: budget.period === undefined ? null : timestampText(budget.period.anchorUs),
  period_time_zone: budget.period?.timeZone ?? null,
  period_id: budget.periodId,
  period_start: timestampText(budget.periodStartUs),
  period_end: budget.periodEndUs === undefined ? null : timestampText(budget.periodEndUs),
  parent_user_id: budget.parent ?? null,
  model_limits: limitsToJson(budget.modelLimits),
  updated_at: timestampText(budget.updatedAtUs),
});

export const entryFromRow = (row: EntryRow): Entry => ({
  project: row.project,
  requestId: row.request_id,
  user: row.user_id,
  fingerprint: row.request_fingerprint,
  kind: row.kind,
  source: row.source,
  model: row.model ?? undefined,
  costNanoUsd: row.cost_nano_usd,
  detail: row.detail === null ? undefined : JSON.stringify(row.detail),
  reservationId: row.reservation_id ?? undefined,
  ancestors: row.ancestors,
  periodId: row.period_id,
  periodStartUs: row.period_start,
  periodEndUs: row.period_end ?? undefined,
  spentAfterNanoUsd: row.spent_after_nano_usd,
  heldAfterNanoUsd: row.held_after_nano_usd,
  totalAfterNanoUsd: row.total_after_nano_usd,
  createdAtUs: row.created_at,
});

export const closedPeriodFromRow = (row: PeriodRow): ClosedPeriod => ({
  project: row.project,
  user: row.user_id,
  periodId: row.period_id,
  periodStartUs: row.period_start,
  periodEndUs: row.period_end,
  spentNanoUsd: row.spent_nano_usd,
  totalNanoUsd: row.total_nano_usd,
});
