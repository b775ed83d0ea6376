import { invalidField } from "../domain/errors.ts";
import { isObject } from "../domain/json.ts";
import { checkName } from "../domain/name.ts";
import type { Legacy } from "../legacy/legacy.ts";
import type { Names } from "./permissions.ts";
import type { TextHandler } from "./pipeline.ts";

/**
 * The two REST endpoints of LiteLLM's BudgetManager in its "hosted" mode. It loads the whole map of users when it
 * starts, and posts the whole map after each change. The client raises an exception on HTTP 4xx, so an unknown project
 * is answered with HTTP 200 and `{"status":"error"}`.
 */
export const legacyHandlers = (
  legacy: Legacy,
): Readonly<Record<"/get_budget" | "/set_budget", TextHandler<LegacyRequest>>> => ({
  "/get_budget": {
    parse,
    async handle({ project }, { caller }) {
      const map = await legacy.load(project, caller.actor);
      return map === undefined
        ? '{"status":"error","message":"unknown project_name"}'
        : `{"status":"success","data":${map}}`;
    },
  },
  "/set_budget": {
    parse,
    async handle({ project, userDict }, { caller }) {
      await legacy.post(project, userDict, caller.actor);
      return '{"status":"success"}';
    },
  },
});

interface LegacyRequest extends Names {
  userDict: unknown;
}

function parse(body: string): LegacyRequest {
  let request: unknown;
  try {
    request = JSON.parse(body);
  } catch {
    throw invalidField("request", "must be JSON");
  }
  if (!isObject(request)) throw invalidField("request", "must be a JSON object");
  const { project_name: project } = request;
  if (typeof project !== "string") throw invalidField("project_name", "must be a string");
  return { project: checkName("project_name", project), userDict: request.user_dict };
}
