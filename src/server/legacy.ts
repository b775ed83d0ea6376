import { invalidField } from "../domain/errors.ts";
import { readLegacyMap, writeLegacyMap } from "../store/legacy.ts";
import type { Store } from "../store/store.ts";
import { checkName } from "./fields.ts";
import { memberText } from "./member-text.ts";

/**
 * The two REST endpoints that LiteLLM's BudgetManager posts to in its "hosted" mode: the whole map of users in, the
 * whole map out. Its client raises on HTTP 4xx, so an unknown project is HTTP 200 with `{"status":"error"}`.
 *
 * The last map posted wins, whole: that is what the client was written against. It is kept as the text that it came as.
 */
export type LegacyRoute = (store: Store, body: string) => Promise<string>;

export const LEGACY_ROUTES: Readonly<Record<string, LegacyRoute>> = {
  "/get_budget": async (store, body) => {
    const { project } = parse(body);
    const map = await store.read((connection) => readLegacyMap(connection, project));
    return map === undefined
      ? '{"status":"error","message":"unknown project_name"}'
      : `{"status":"success","data":${map}}`;
  },
  "/set_budget": async (store, body) => {
    const { project, userDict } = parse(body);
    const text = memberText(body, "user_dict");
    if (text === undefined || !isObject(userDict))
      throw invalidField("user_dict", "must be an object: users and their budgets");
    for (const [user, record] of Object.entries(userDict)) {
      checkName("user_dict", user);
      if (!isObject(record)) throw invalidField(`user_dict.${user}`, "must be an object");
    }
    await store.transaction((connection) => writeLegacyMap(connection, project, text));
    return '{"status":"success"}';
  },
};

function parse(body: string): { project: string; userDict: unknown } {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    throw invalidField("request", "must be JSON");
  }
  if (!isObject(json)) throw invalidField("request", "must be a JSON object");
  const { project_name: project, user_dict: userDict } = json;
  if (typeof project !== "string") throw invalidField("project_name", "must be a string");
  return { project: checkName("project_name", project), userDict };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
