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

/** Converts between the budgets of a project and the map that LiteLLM's BudgetManager keeps. */
export interface Legacy {
  /**
   * The map as JSON text, in a new session. Undefined if the project has no budgets.
   *
   * @param actor The caller, for the audit log: the first call of a project may create the budgets of an old map.
   */
  load(project: string, actor: string): Promise<string | undefined>;
  /**
   * Merges a posted map into the budgets.
   *
   * @param actor The caller, for the audit log.
   * @throws INVALID_FIELD naming the field, as in `user_dict.alice.current_cost`; AMOUNT_OVERFLOW; OVERLOADED
   */
  post(project: string, userDict: unknown, actor: string): Promise<void>;
}

/** The most posts of one project in its lane. Each post repeats the whole map, so an older post can be dropped. */
const WAITING_MAX = 1000;
/** The most budgets that are read in one slice. Other calls run between two slices. */
const SLICE_BUDGETS_MAX = 500;

export function createLegacy(services: PostServices): Legacy {
  const { store, engine, sessionDays } = services;
  const inTurn = createLanes(WAITING_MAX);

  /**
   * Converts a map that an earlier version of Purser stored as text into budgets. A map that is not valid stays stored
   * as it is.
   */
  const adoptOldMap = async (project: string, actor: string): Promise<void> => {
    const map = await store.read((connection) => readOldMap(connection, project));
    const records = map === undefined ? undefined : await recordsIn(map);
    if (records === undefined) return;
    await postRecords(services, { project, actor }, records);
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
    load: (project, actor) =>
      inTurn(project, async () => {
        await adoptOldMap(project, actor);
        await engine.endExpired({ project });
        await store.write((connection) => forgetSessions(connection, project, sessionDays));
        const members = await membersOf(project);
        return members.length === 0 ? undefined : objectText(members);
      }),
    post: async (project, userDict, actor) => {
      const records = await parseLegacyMap(userDict);
      await inTurn(project, async () => {
        await adoptOldMap(project, actor);
        await postRecords(services, { project, actor }, records);
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
