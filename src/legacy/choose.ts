import { atInstant, type Budget } from "../domain/budget.ts";
import { canonicalText, fingerprintOf } from "../domain/fingerprint.ts";
import type { InstantUs } from "../domain/period.ts";
import type { Charge, Create, Post } from "../engine/commit/operation.ts";
import { makeRequestId } from "../engine/commit/request-id.ts";
import type { RecordRow } from "../store/legacy-records.ts";
import { firstMemory, mergeRecord } from "./merge.ts";
import type { LegacyRecord } from "./record.ts";
import { periodOfDays, settingsChange, withSettings } from "./settings.ts";

/** What was read, without locks, for one record of a posted map. */
export interface Seen {
  /** What is remembered of the record. Undefined: nothing. */
  row: RecordRow | undefined;
  /** Undefined where there is no such budget. */
  budget: Budget | undefined;
  nowUs: InstantUs;
}

/**
 * Names the session of a record: the answer of /get_budget that it came from, or when its client says that it made it.
 * Records that were made without a duration have no time, and are all one session.
 */
export const sessionOf = ({ origin, createdUs }: LegacyRecord): string =>
  origin?.session ?? `created:${createdUs ?? "unknown"}`;

export const nameOf = (record: LegacyRecord) => ({ session: sessionOf(record), user: record.user });

/**
 * Chooses what a record asks for: pure, but for the new request ids. The client posts all of its records after each change of
 * one, so most ask for nothing.
 *
 * @returns Undefined where the record says nothing new, or is older than what is remembered.
 */
export function postOf(
  project: string,
  record: LegacyRecord,
  { row, budget, nowUs }: Seen,
): Post | undefined {
  const { user } = record;
  const current = budget && atInstant(budget, nowUs);
  const memory = row?.memory ?? firstMemory(record, nowUs);
  const merge = mergeRecord(memory, record, nowUs, renewal(current));
  const remembered = withSettings(merge.memory, record);
  if (merge.isLate || remembered === memory) return undefined;
  // A budget that was deleted is not made again by a client that merely repeats what it knows of it.
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
      ...(current === undefined ? [creationOf(project, record)] : []),
      ...(merge.resets && current !== undefined ? [{ kind: "reset" as const, ...once() }] : []),
      ...charges,
      ...(Object.keys(change).length > 0 ? [{ kind: "update" as const, project, user, change }] : []),
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

/** When a budget last began a period, if that was not its first. */
const renewal = (current: Budget | undefined): InstantUs | undefined =>
  current !== undefined && current.periodId > current.createdAtUs ? current.periodId : undefined;

function creationOf(project: string, record: LegacyRecord): Create {
  const { user, totalNanoUsd, durationDays, createdUs } = record;
  return {
    kind: "create",
    project,
    user,
    totalNanoUsd,
    period: periodOfDays(record),
    parent: undefined,
    modelLimits: [],
    fingerprint: fingerprintOf(canonicalText({ legacy: { user, totalNanoUsd, durationDays, createdUs } })),
  };
}
