import type { Budget } from "../domain/budget.ts";
import type { Memory } from "../domain/legacy-memory.ts";
import type { NanoUsd } from "../domain/money.ts";
import type { InstantUs, Period } from "../domain/period.ts";
import { daysOf } from "./handout.ts";
import type { LegacyRecord } from "./record.ts";

/** What of a budget a record wants otherwise. A key that is absent stays as it is. */
export interface SettingsChange {
  totalNanoUsd?: NanoUsd;
  /** `undefined` as a value takes the period away. */
  period?: PeriodOfDays | undefined;
}

export type PeriodOfDays = Omit<Period, "anchorUs"> & { anchorUs: InstantUs | undefined };

/** A duration in days as a period: windows of that many days from when the record was created. */
export const periodOfDays = ({
  durationDays,
  createdUs,
}: Pick<LegacyRecord, "durationDays" | "createdUs">): PeriodOfDays | undefined =>
  durationDays === undefined
    ? undefined
    : { unit: "DAY", count: durationDays, timeZone: "UTC", anchorUs: createdUs };

/**
 * What the client has changed since it was last taken over. What it merely repeats is no wish: it may have been changed since
 * by somebody else. Of a record that the client has just made, an absent duration says nothing of a budget that is there.
 */
export function settingsChange(
  memory: Pick<Memory, "totalNanoUsd" | "durationDays">,
  record: LegacyRecord,
  budget: Pick<Budget, "totalNanoUsd" | "period">,
): SettingsChange {
  const { totalNanoUsd, durationDays } = record;
  const isNew = memory.totalNanoUsd === undefined;
  const wantsTotal = totalNanoUsd !== memory.totalNanoUsd && totalNanoUsd !== budget.totalNanoUsd;
  const saysDuration = durationDays !== memory.durationDays && !(isNew && durationDays === undefined);
  const wantsPeriod = saysDuration && durationDays !== daysOf(budget.period);
  return {
    ...(wantsTotal ? { totalNanoUsd } : {}),
    ...(wantsPeriod ? { period: periodOfDays(record) } : {}),
  };
}

/** The memory once the record's settings are the budget's. */
export const withSettings = (memory: Memory, { totalNanoUsd, durationDays }: LegacyRecord): Memory =>
  memory.totalNanoUsd === totalNanoUsd && memory.durationDays === durationDays
    ? memory
    : { ...memory, totalNanoUsd, durationDays };
