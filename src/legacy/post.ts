import { setImmediate as nextTurn } from "node:timers/promises";
import { Failure, invalidField } from "../domain/errors.ts";
import type { InstantUs } from "../domain/period.ts";
import type { Engine } from "../engine/commit/engine.ts";
import type { Verdict } from "../engine/commit/operation.ts";
import { readClock } from "../store/budgets.ts";
import type { Connection } from "../store/connection.ts";
import { readBudgetsOf } from "../store/legacy.ts";
import { isSessionKnown, readRecords, recordKey, touchSessions } from "../store/legacy-records.ts";
import type { Store } from "../store/store.ts";
import { nameOf, postOf } from "./choose.ts";
import type { LegacyRecord } from "./record.ts";

export interface PostServices {
  store: Store;
  engine: Engine;
  /** How many days a session is remembered after its last post. */
  sessionDays: number;
}

/** Where a map is posted, and who posts it. */
interface Posted {
  project: string;
  /** For the audit log. */
  actor: string;
}

/** The most records that are processed in one slice. Other calls run between two slices. */
const SLICE_RECORDS_MAX = 250;
/** The most attempts to post a record whose budget or memory changes concurrently. */
const ROUNDS_MAX = 20;
const RETRY_MS = 100;
const DAY_US = 86_400_000_000n;

/**
 * Merges the records of a posted map into the budgets of a project. It reads the memory of each record, decides which
 * operation the record needs, and submits it to the engine. An unchanged record needs no operation.
 *
 * @throws INVALID_FIELD if the map was loaded too long ago; AMOUNT_OVERFLOW; OVERLOADED
 */
export async function postRecords(
  services: PostServices,
  posted: Posted,
  records: readonly LegacyRecord[],
): Promise<void> {
  await services.store.read((connection) =>
    refuseForgotten(connection, posted.project, records, services.sessionDays),
  );
  for (let start = 0; start < records.length; start += SLICE_RECORDS_MAX) {
    await postSlice(services, posted, records.slice(start, start + SLICE_RECORDS_MAX));
    await nextTurn();
  }
}

async function postSlice(
  { store, engine }: PostServices,
  posted: Posted,
  records: readonly LegacyRecord[],
): Promise<void> {
  let left = records;
  for (let round = 0; left.length > 0; round++) {
    if (round === ROUNDS_MAX) {
      throw new Failure({ reason: "OVERLOADED", operationsMax: ROUNDS_MAX, retryAfterMs: RETRY_MS });
    }
    const chosen = await choose(store, posted, left);
    const verdicts = await Promise.all(chosen.map(({ post }) => engine.submitInBackground(post)));
    for (const verdict of verdicts) if (isFinal(verdict) && !verdict.ok) throw new Failure(verdict.error);
    left = chosen.filter((_, index) => !isFinal(verdicts[index] as Verdict)).map(({ record }) => record);
  }
}

/**
 * False if the memory or the budget changed, or the budget was deleted, after they were read. The record is then read
 * and decided again.
 */
const isFinal = (verdict: Verdict): boolean =>
  verdict.ok ? verdict.changed : verdict.error.reason !== "BUDGET_NOT_FOUND";

async function choose(store: Store, posted: Posted, records: readonly LegacyRecord[]) {
  const { project } = posted;
  const { rows, budgets, nowUs } = await store.read(async (connection) => ({
    rows: await readRecords(connection, project, records.map(nameOf)),
    budgets: await readBudgetsOf(
      connection,
      project,
      records.map(({ user }) => user),
    ),
    nowUs: await readClock(connection),
  }));
  const silent = [...rows.values()].filter((row) => nowUs - row.seenUs > DAY_US);
  if (silent.length > 0) {
    const sessions = [...new Set(silent.map((row) => row.session))];
    await store.write((connection) => touchSessions(connection, project, sessions));
  }
  return records.flatMap((record) => {
    const seen = { row: rows.get(recordKey(nameOf(record))), budget: budgets.get(record.user), nowUs };
    const post = postOf(posted, record, seen);
    return post === undefined ? [] : [{ record, post }];
  });
}

/** Refuses maps of forgotten sessions: without the memory, costs that were charged cannot be told from new costs. */
async function refuseForgotten(
  connection: Connection,
  project: string,
  records: readonly LegacyRecord[],
  sessionDays: number,
): Promise<void> {
  const nowUs: InstantUs = await readClock(connection);
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
