import { atInstant, type Budget } from "../domain/budget.ts";
import { Failure } from "../domain/errors.ts";
import { fingerprint } from "../domain/fingerprint.ts";
import type { InstantUs } from "../domain/period.ts";
import type { Ancestry } from "../engine/commit/ancestry.ts";
import type { Charge, Operation, Reset, Verdict } from "../engine/commit/operation.ts";
import { makeRequestId } from "../engine/commit/request-id.ts";
import { attempt } from "../engine/commit/transaction.ts";
import { readClock } from "../store/budgets.ts";
import type { Connection } from "../store/connection.ts";
import { readBudgetsOf } from "../store/legacy.ts";
import {
  insertRecords,
  type RecordRow,
  readRecords,
  recordKey,
  updateRecords,
} from "../store/legacy-records.ts";
import type { BudgetName } from "../store/names.ts";
import { firstMemory, type Merge, mergeRecord } from "./merge.ts";
import type { LegacyRecord } from "./record.ts";
import { settingsChange, withSettings } from "./settings.ts";

/** Thrown inside the transaction when records need budgets that are not there: they must be made first. */
export class BudgetsMissing extends Error {
  readonly records: readonly LegacyRecord[];

  constructor(records: readonly LegacyRecord[]) {
    super("budgets are missing");
    this.records = records;
  }
}

export interface Merged {
  /** Records whose total or duration is still to be taken over. */
  unsettled: readonly LegacyRecord[];
  changed: readonly BudgetName[];
}

/**
 * Names the session of a record: the answer of /get_budget that it came from, or when its client says that it made it.
 * Records that were made without a duration have no time, and are all one session.
 */
export const sessionOf = ({ origin, createdUs }: LegacyRecord): string =>
  origin?.session ?? `created:${createdUs ?? "unknown"}`;

export const nameOf = (record: LegacyRecord) => ({ session: sessionOf(record), user: record.user });

export const firstRow = (record: LegacyRecord, nowUs: InstantUs): RecordRow => ({
  ...nameOf(record),
  memory: firstMemory(record, nowUs),
  isHandedOut: record.origin !== undefined,
  seenUs: nowUs,
});

/** A record under the lock of its row, and what follows. */
interface Step {
  record: LegacyRecord;
  row: RecordRow;
  budget: Budget | undefined;
  merge: Merge;
}

/**
 * Merges records in one transaction, with what is remembered of them: what was charged is remembered as charged, or neither.
 *
 * @returns Undefined where so much had run out that only that was ended: then the merge is to be begun anew.
 * @throws BudgetsMissing, UnlockedParent, AMOUNT_OVERFLOW
 */
export async function mergeTogether(
  connection: Connection,
  ancestry: Ancestry,
  project: string,
  records: readonly LegacyRecord[],
): Promise<Merged | undefined> {
  const steps = await lockSteps(connection, project, records);
  const missing = steps.filter(({ budget, ...step }) => budget === undefined && needsBudget(step));
  if (missing.length > 0) throw new BudgetsMissing(missing.map(({ record }) => record));
  const present = steps.filter(({ budget }) => budget !== undefined);
  const operations = present.flatMap((step) => operationsOf(project, step));
  const { verdicts, changed } = await attempt(connection, ancestry, operations, [project], {
    expire: true,
    lookUp: true,
  });
  if (verdicts.length < operations.length) return undefined;
  for (const [index, verdict] of verdicts.entries()) refuse(verdict, operations[index], records);
  const rows = present.map(rowAfter);
  const isNew = rows.map((row, index) => row !== present[index]?.row);
  const nowUs = await readClock(connection);
  await updateRecords(
    connection,
    project,
    rows.filter((_, index) => isNew[index]).map((row) => ({ ...row, seenUs: nowUs })),
  );
  return { changed, unsettled: present.filter(isUnsettled).map(({ record }) => record) };
}

/** In the order: rows of records, then budgets. Batches of the engine lock no rows of records. */
async function lockSteps(
  connection: Connection,
  project: string,
  records: readonly LegacyRecord[],
): Promise<Step[]> {
  const beforeUs = await readClock(connection);
  await insertRecords(
    connection,
    project,
    records.map((record) => firstRow(record, beforeUs)),
  );
  const rows = await readRecords(connection, project, records.map(nameOf), { lock: true });
  const users = records.map((record) => record.user);
  const budgets = await readBudgetsOf(connection, project, users);
  const nowUs = await readClock(connection);
  return records.map((record) => {
    const row = rows.get(recordKey(nameOf(record))) ?? firstRow(record, nowUs);
    const budget = budgets.get(record.user);
    return { record, row, budget, merge: mergeRecord(row.memory, record, nowUs, renewal(budget, nowUs)) };
  });
}

/** When a budget last began a period, if that was not its first. */
function renewal(budget: Budget | undefined, nowUs: InstantUs): InstantUs | undefined {
  if (budget === undefined) return undefined;
  const { periodId, createdAtUs } = atInstant(budget, nowUs);
  return periodId > createdAtUs ? periodId : undefined;
}

/** A budget that was deleted is not made again by a client that merely repeats what it knows of it. */
const needsBudget = ({ row, merge }: Omit<Step, "budget">): boolean =>
  merge.charges.size > 0 || row.memory.totalNanoUsd === undefined;

function operationsOf(project: string, { record, merge }: Step): Operation[] {
  const { user } = record;
  const print = fingerprint(["legacy", user]);
  const once = () => ({ project, user, requestId: makeRequestId(), fingerprint: print });
  const resets: Reset[] = merge.resets ? [{ kind: "reset", ...once() }] : [];
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
  return [...resets, ...charges];
}

/** Nothing of a post is done where one of its charges cannot be. */
function refuse(verdict: Verdict, operation: Operation | undefined, records: readonly LegacyRecord[]): void {
  if (verdict.ok) return;
  // Deleted since it was read.
  if (verdict.error.reason !== "BUDGET_NOT_FOUND") throw new Failure(verdict.error);
  throw new BudgetsMissing(records.filter((record) => record.user === operation?.user));
}

function rowAfter(step: Step): RecordRow {
  const { row, merge, record } = step;
  const isSettled = !merge.isLate && !isUnsettled(step);
  const memory = isSettled ? withSettings(merge.memory, record) : merge.memory;
  return memory === row.memory ? row : { ...row, memory };
}

const isUnsettled = ({ row, merge, record, budget }: Step): boolean =>
  !merge.isLate && budget !== undefined && Object.keys(settingsChange(row.memory, record, budget)).length > 0;
