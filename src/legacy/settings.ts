import type { Budget } from "../domain/budget.ts";
import type { Memory } from "../domain/legacy-memory.ts";
import type { NanoUsd } from "../domain/money.ts";
import type { InstantUs, Period } from "../domain/period.ts";
import { daysOf, lengthOfDays } from "./handout.ts";
import type { LegacyRecord } from "./record.ts";

/** The settings that a record changes. An absent key keeps the setting. */
export interface SettingsChange {
  totalNanoUsd?: NanoUsd;
  /** An explicit `undefined` removes the period. */
  period?: PeriodOfDays | undefined;
}

export type PeriodOfDays = Omit<Period, "anchorUs"> & { anchorUs: InstantUs | undefined };

/** Converts a duration in days to a period: windows of that many days, counted from the creation of the record. */
export const periodOfDays = ({
  durationDays,
  createdUs,
}: Pick<LegacyRecord, "durationDays" | "createdUs">): PeriodOfDays | undefined => {
  const length = durationDays === undefined ? undefined : lengthOfDays(durationDays);
  return length && { ...length, timeZone: "UTC", anchorUs: createdUs };
};

/**
 * The settings that the client has changed since the last merge. A value that equals the memory is not a change:
 * another caller may have changed the budget since. A new record of the client has a memory without a duration, so an
 * absent duration keeps the budget's period.
 */
export function settingsChange(
  memory: Pick<Memory, "totalNanoUsd" | "durationDays">,
  record: LegacyRecord,
  budget: Pick<Budget, "totalNanoUsd" | "period">,
): SettingsChange {
  const { totalNanoUsd, durationDays } = record;
  const wantsTotal = totalNanoUsd !== memory.totalNanoUsd && totalNanoUsd !== budget.totalNanoUsd;
  const wantsPeriod = durationDays !== memory.durationDays && durationDays !== daysOf(budget.period);
  return {
    ...(wantsTotal ? { totalNanoUsd } : {}),
    ...(wantsPeriod ? { period: periodOfDays(record) } : {}),
  };
}

/** The memory after the record's settings were applied to the budget. */
export const withSettings = (memory: Memory, { totalNanoUsd, durationDays }: LegacyRecord): Memory =>
  memory.totalNanoUsd === totalNanoUsd && memory.durationDays === durationDays
    ? memory
    : { ...memory, totalNanoUsd, durationDays };
