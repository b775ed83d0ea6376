import { setImmediate as nextTurn } from "node:timers/promises";
import { Failure } from "../domain/errors.ts";
import { makeRequestId } from "../engine/commit/request-id.ts";
import { costAt } from "../engine/read/current-cost.ts";
import { deleteOldMap, readLegacyBudgets, readOldMap } from "../store/legacy.ts";
import { forgetSessions } from "../store/legacy-records.ts";
import { objectText, recordMember } from "./handout.ts";
import { createLanes } from "./lanes.ts";
import { type PostServices, postRecords } from "./post.ts";
import { type LegacyRecord, parseLegacyMap } from "./record.ts";

/** The budgets of a project as the map that LiteLLM's BudgetManager keeps. */
export interface Legacy {
  /** The map as JSON text, in a new session. Undefined where the project has no budgets. */
  load(project: string): Promise<string | undefined>;
  /** Merges a posted map. @throws INVALID_FIELD, as in `user_dict.alice.current_cost`, AMOUNT_OVERFLOW, OVERLOADED */
  post(project: string, userDict: unknown): Promise<void>;
}

/** Posts of one project that may wait for each other, at most. Each post repeats the whole map, so an older one can be dropped. */
const WAITING_MAX = 1000;
/** Budgets of a map that are read and written together. Other calls run between two such slices. */
const SLICE_BUDGETS_MAX = 500;

export function createLegacy(services: PostServices): Legacy {
  const { store, engine, sessionDays } = services;
  const inTurn = createLanes(WAITING_MAX);

  /** A map that was posted before maps became budgets becomes budgets now; what is no map of budgets stays where it is. */
  const adoptOldMap = async (project: string): Promise<void> => {
    const map = await store.read((connection) => readOldMap(connection, project));
    const records = map === undefined ? undefined : await recordsIn(map);
    if (records === undefined) return;
    await postRecords(services, project, records);
    await store.write((connection) => deleteOldMap(connection, project));
  };

  const membersOf = async (project: string): Promise<[string, string][]> => {
    const session = makeRequestId();
    const members: [string, string][] = [];
    let after: string | undefined;
    do {
      const page = { project, after, limit: SLICE_BUDGETS_MAX };
      const { budgets, nowUs } = await store.read((connection) => readLegacyBudgets(connection, page));
      for (const each of budgets) members.push(recordMember(costAt(each, nowUs), session, nowUs));
      after = budgets.length < SLICE_BUDGETS_MAX ? undefined : budgets.at(-1)?.budget.user;
      await nextTurn();
    } while (after !== undefined);
    return members;
  };

  return {
    load: (project) =>
      inTurn(project, async () => {
        await adoptOldMap(project);
        await engine.endExpired({ project });
        await store.write((connection) => forgetSessions(connection, project, sessionDays));
        const members = await membersOf(project);
        return members.length === 0 ? undefined : objectText(members);
      }),
    post: async (project, userDict) => {
      const records = await parseLegacyMap(userDict);
      await inTurn(project, async () => {
        await adoptOldMap(project);
        await postRecords(services, project, records);
      });
    },
  };
}

async function recordsIn(map: unknown): Promise<LegacyRecord[] | undefined> {
  try {
    return await parseLegacyMap(map);
  } catch (thrown) {
    if (thrown instanceof Failure) return undefined;
    throw thrown;
  }
}
