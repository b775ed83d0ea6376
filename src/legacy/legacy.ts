import { Failure } from "../domain/errors.ts";
import type { Expiry } from "../engine/commit/expiry.ts";
import { makeRequestId } from "../engine/commit/request-id.ts";
import { costAt } from "../engine/read/current-cost.ts";
import { deleteOldMap, readLegacyBudgets, readOldMap } from "../store/legacy.ts";
import { forgetSessions } from "../store/legacy-records.ts";
import { mapText } from "./handout.ts";
import { createLanes } from "./lanes.ts";
import { type LegacyServices, postRecords } from "./post.ts";
import { type LegacyRecord, parseLegacyMap } from "./record.ts";

/** The budgets of a project as the map that LiteLLM's BudgetManager keeps. */
export interface Legacy {
  /** The map as JSON text, in a new session. Undefined where the project has no budgets. */
  load(project: string): Promise<string | undefined>;
  /** Merges a map, all of whose records were checked. @throws INVALID_FIELD, AMOUNT_OVERFLOW, OVERLOADED */
  post(project: string, records: readonly LegacyRecord[]): Promise<void>;
}

/** Posts of one project that may wait for each other, at most. A later one has all that one too many had. */
const WAITING_MAX = 1000;

export function createLegacy(services: LegacyServices & { expiry: Expiry }): Legacy {
  const { store, expiry, sessionDays } = services;
  const inTurn = createLanes(WAITING_MAX);

  /** A map that was posted before maps became budgets becomes budgets now; what is no map of budgets stays where it is. */
  const adoptOldMap = async (project: string): Promise<void> => {
    const map = await store.read((connection) => readOldMap(connection, project));
    const records = map === undefined ? undefined : recordsIn(map);
    if (records === undefined) return;
    await postRecords(services, project, records);
    await store.write((connection) => deleteOldMap(connection, project));
  };

  return {
    load: (project) =>
      inTurn(project, async () => {
        await adoptOldMap(project);
        await expiry.settle(project);
        await store.write((connection) => forgetSessions(connection, project, sessionDays));
        const { budgets, nowUs } = await store.read((connection) => readLegacyBudgets(connection, project));
        if (budgets.length === 0) return undefined;
        const current = budgets.map((each) => costAt(each, nowUs));
        return mapText(current, makeRequestId(), nowUs);
      }),
    post: (project, records) =>
      inTurn(project, async () => {
        await adoptOldMap(project);
        await postRecords(services, project, records);
      }),
  };
}

function recordsIn(map: unknown): LegacyRecord[] | undefined {
  try {
    return parseLegacyMap(map);
  } catch (thrown) {
    if (thrown instanceof Failure) return undefined;
    throw thrown;
  }
}
