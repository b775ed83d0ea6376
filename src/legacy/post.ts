import { invalidField } from "../domain/errors.ts";
import { fingerprint } from "../domain/fingerprint.ts";
import type { InstantUs } from "../domain/period.ts";
import type { Ancestry } from "../engine/commit/ancestry.ts";
import { UnlockedParent } from "../engine/commit/batch.ts";
import { type BudgetDefinition, changeBudget, newBudget } from "../engine/commit/budgets.ts";
import { readClock } from "../store/budgets.ts";
import type { Connection } from "../store/connection.ts";
import { insertBudgets, readBudgetsOf } from "../store/legacy.ts";
import {
  isSessionKnown,
  type RecordRow,
  readRecords,
  recordKey,
  touchSessions,
  updateRecords,
} from "../store/legacy-records.ts";
import type { BudgetName } from "../store/names.ts";
import type { Store } from "../store/store.ts";
import { BudgetsMissing, type Merged, mergeTogether, nameOf } from "./apply.ts";
import { firstMemory, mergeRecord } from "./merge.ts";
import type { LegacyRecord } from "./record.ts";
import { periodOfDays, settingsChange, withSettings } from "./settings.ts";

export interface LegacyServices {
  store: Store;
  ancestry: Ancestry;
  /** Told of budgets that were changed, after that is durable. */
  onChanged: (names: readonly BudgetName[]) => void;
  /** How long a session is remembered after its last post. */
  sessionDays: number;
}

/** Records that one transaction merges, at most. */
const RECORDS_MAX = 500;
const DAY_US = 86_400_000_000n;

/**
 * Merges the records of a posted map into the budgets of a project. The client posts all of its records after each change of
 * one: what has not changed costs a comparison.
 *
 * @throws INVALID_FIELD where the map was loaded too long ago, AMOUNT_OVERFLOW
 */
export async function postRecords(
  services: LegacyServices,
  project: string,
  records: readonly LegacyRecord[],
): Promise<void> {
  if (records.length === 0) return;
  const changed = await services.store.read((connection) =>
    changedRecords(connection, project, records, services.sessionDays),
  );
  for (let start = 0; start < changed.length; start += RECORDS_MAX) {
    const { unsettled, ...merged } = await merge(
      services,
      project,
      changed.slice(start, start + RECORDS_MAX),
    );
    services.onChanged(merged.changed);
    for (const record of unsettled) await settle(services, project, record);
  }
}

async function merge(
  { store, ancestry }: LegacyServices,
  project: string,
  records: readonly LegacyRecord[],
): Promise<Merged> {
  for (;;) {
    try {
      const merged = await store.transaction((connection) =>
        mergeTogether(connection, ancestry, project, records),
      );
      if (merged !== undefined) return merged;
    } catch (error) {
      if (error instanceof BudgetsMissing) await createBudgets(store, project, error.records);
      else if (error instanceof UnlockedParent) await ancestry.refresh(error);
      else throw error;
    }
  }
}

/** A look without locks: the records that may have something new. */
async function changedRecords(
  connection: Connection,
  project: string,
  records: readonly LegacyRecord[],
  sessionDays: number,
): Promise<LegacyRecord[]> {
  const rows = await readRecords(connection, project, records.map(nameOf), { lock: false });
  const nowUs = await readClock(connection);
  await refuseForgotten(connection, project, records, { nowUs, sessionDays });
  const silent = [...rows.values()].filter((row) => nowUs - row.seenUs > DAY_US);
  if (silent.length > 0) {
    await touchSessions(connection, project, [...new Set(silent.map((row) => row.session))]);
  }
  return records.filter((record) => hasNews(record, rows.get(recordKey(nameOf(record))), nowUs));
}

function hasNews(record: LegacyRecord, row: RecordRow | undefined, nowUs: InstantUs): boolean {
  const memory = row?.memory ?? firstMemory(record, nowUs);
  const { isLate, memory: merged } = mergeRecord(memory, record, nowUs, undefined);
  return !isLate && withSettings(merged, record) !== memory;
}

/** What was charged of a session that is forgotten cannot be told from what was not. */
async function refuseForgotten(
  connection: Connection,
  project: string,
  records: readonly LegacyRecord[],
  { nowUs, sessionDays }: { nowUs: InstantUs; sessionDays: number },
): Promise<void> {
  const checked = new Set<string>();
  for (const { user, origin } of records) {
    if (origin === undefined || checked.has(origin.session)) continue;
    checked.add(origin.session);
    const isOld = nowUs - origin.issuedUs > BigInt(sessionDays) * DAY_US;
    if (isOld && !(await isSessionKnown(connection, project, origin.session))) {
      throw invalidField(
        `user_dict.${user}.purser`,
        `this map was loaded more than ${sessionDays} days ago and has not been posted since; load it again`,
      );
    }
  }
}

/** Where somebody else was faster, what the record wants otherwise is taken over as it is of any budget that is there. */
const createBudgets = (store: Store, project: string, records: readonly LegacyRecord[]): Promise<void> =>
  store.transaction(async (connection) => {
    const nowUs = await readClock(connection);
    await insertBudgets(
      connection,
      project,
      records.map((record) => newBudget(definitionOf(project, record), nowUs)),
    );
  });

function definitionOf(project: string, record: LegacyRecord): BudgetDefinition {
  const { user, totalNanoUsd, durationDays, createdUs } = record;
  return {
    project,
    user,
    totalNanoUsd,
    period: periodOfDays(record),
    parent: undefined,
    modelLimits: [],
    fingerprint: fingerprint(["legacy", user, totalNanoUsd, durationDays, createdUs]),
  };
}

/** Takes over the total and the duration of a record, and remembers that. A budget deleted meanwhile has neither. */
async function settle(
  { store, onChanged }: LegacyServices,
  project: string,
  record: LegacyRecord,
): Promise<void> {
  const name = { project, user: record.user };
  await store.transaction(async (connection) => {
    const rows = await readRecords(connection, project, [nameOf(record)], { lock: true });
    const budget = (await readBudgetsOf(connection, project, [record.user])).get(record.user);
    const row = rows.get(recordKey(nameOf(record)));
    if (budget === undefined || row === undefined) return;
    await changeBudget(connection, name, settingsChange(row.memory, record, budget));
    await updateRecords(connection, project, [{ ...row, memory: withSettings(row.memory, record) }]);
  });
  onChanged([name]);
}
