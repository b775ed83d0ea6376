import { atInstant, type Budget } from "../domain/budget.ts";
import { canonicalText, fingerprintOf } from "../domain/fingerprint.ts";
import type { InstantUs } from "../domain/period.ts";
import type { Charge, Create, Post } from "../engine/commit/operation.ts";
import { makeRequestId } from "../engine/commit/request-id.ts";
import type { RecordRow } from "../store/legacy-records.ts";
import { firstMemory, mergeRecord } from "./merge.ts";
import type { LegacyRecord } from "./record.ts";
import { periodOfDays, settingsChange, withSettings } from "./settings.ts";

/**
 * The state of one posted record and its budget, read without locks. `postOf` decides from it; the engine checks it
 * again.
 */
export interface Seen {
  /** The memory of the record. Undefined if the record has not been posted before. */
  row: RecordRow | undefined;
  /** Undefined if the budget does not exist. */
  budget: Budget | undefined;
  nowUs: InstantUs;
}

/**
 * The session of a record: the /get_budget answer that the record came from, or else the record's creation time.
 * Records that the client made without a duration have no creation time; they all share one session.
 */
export const sessionOf = ({ origin, createdUs }: LegacyRecord): string =>
  origin?.session ?? `created:${createdUs ?? "unknown"}`;

export const nameOf = (record: LegacyRecord) => ({ session: sessionOf(record), user: record.user });

/**
 * Decides which operation a posted record needs. It is pure except for the new request ids. The client posts all of its
 * records after each change to one of them, so most records need no operation.
 *
 * @param posted.actor Who posts the record, for the audit log.
 * @returns Undefined if the record contains nothing new or is older than the memory.
 */
export function postOf(
  posted: { project: string; actor: string },
  record: LegacyRecord,
  { row, budget, nowUs }: Seen,
): Post | undefined {
  const { project, actor } = posted;
  const { user } = record;
  const current = budget && atInstant(budget, nowUs);
  const memory = row?.memory ?? firstMemory(record, nowUs);
  const merge = mergeRecord(memory, record, nowUs, renewal(current));
  const remembered = withSettings(merge.memory, record);
  if (merge.isLate || remembered === memory) return undefined;
  // A record that only repeats known settings must not recreate a budget that was deleted.
  const isWanted = merge.charges.size > 0 || memory.totalNanoUsd === undefined;
  if (current === undefined && !isWanted) return undefined;
  const once = () => ({
    project,
    user,
    requestId: makeRequestId(),
    fingerprint: fingerprintOf(canonicalText({ legacy: { user } })),
  });
  const charges = [...merge.charges].map(
    ([model, costNanoUsd]): Charge => ({
      kind: "charge",
      ...once(),
      source: "LEGACY",
      model,
      costNanoUsd,
      detail: undefined,
      reservationId: undefined,
    }),
  );
  const change = current === undefined ? {} : settingsChange(memory, record, current);
  return {
    kind: "post",
    project,
    user,
    steps: [
      ...(current === undefined ? [creationOf(posted, record)] : []),
      ...(merge.resets && current !== undefined ? [{ kind: "reset" as const, ...once(), actor }] : []),
      ...charges,
      ...(Object.keys(change).length > 0 ? [{ kind: "update" as const, project, user, change, actor }] : []),
    ],
    before: row,
    after: {
      ...nameOf(record),
      memory: remembered,
      isHandedOut: record.origin !== undefined,
      seenUs: nowUs,
    },
    windowStartUs: current?.periodStartUs,
  };
}

/** When the budget's current period began. Undefined in the first period of a budget. */
const renewal = (current: Budget | undefined): InstantUs | undefined =>
  current !== undefined && current.periodId > current.createdAtUs ? current.periodId : undefined;

function creationOf(posted: { project: string; actor: string }, record: LegacyRecord): Create {
  const { user, totalNanoUsd, durationDays, createdUs } = record;
  return {
    kind: "create",
    ...posted,
    user,
    totalNanoUsd,
    period: periodOfDays(record),
    parent: undefined,
    modelLimits: [],
    fingerprint: fingerprintOf(canonicalText({ legacy: { user, totalNanoUsd, durationDays, createdUs } })),
  };
}
