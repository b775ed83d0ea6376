import { BudgetSchema, BudgetView } from "../../../gen/es/budget/v1/budget_pb.ts";
import type {
  CreateBudgetRequest,
  UpdateBudgetRequest,
} from "../../../gen/es/budget/v1/budget_service_pb.ts";
import { invalidField } from "../../domain/errors.ts";
import type { BudgetChange, Create } from "../../engine/commit/operation.ts";
import type { BudgetName } from "../../store/names.ts";
import {
  budgetToMessage,
  levelToMessage,
  limitsFromMessages,
  periodFromDuration,
  periodFromMessage,
} from "../convert.ts";
import { checkAmount, checkName, checkOptionalName, checkPageSize, toTimestamp } from "../fields.ts";
import { fingerprintsOfCreateBudget } from "../fingerprints.ts";
import { decodePageToken, encodePageToken } from "../page-token.ts";
import type { Handlers } from "../pipeline.ts";
import { messagesOf } from "../slices.ts";
import type { Services } from "./services.ts";
import { submit } from "./submit.ts";

type BudgetHandlers = Pick<
  Handlers,
  "createBudget" | "getBudget" | "updateBudget" | "deleteBudget" | "listUsers"
>;

/** Handlers of the methods that manage budgets. */
export const budgetHandlers = (services: Services): BudgetHandlers => ({
  createBudget: async (request, context) => {
    const operation: Create = {
      kind: "create",
      ...checkBudgetName(request),
      totalNanoUsd: checkAmount("total_budget_nano_usd", request.totalBudgetNanoUsd),
      period: checkPeriod(request),
      parent: checkOptionalName("parent", request.parent),
      modelLimits: limitsFromMessages(request.modelLimits),
      ...fingerprintsOfCreateBudget(request),
      actor: context.caller.actor,
    };
    const { budget } = await submit(services, operation, context.abandoned);
    return { budget: budgetToMessage(budget) };
  },

  getBudget: async (request) => {
    const name = checkBudgetName(request);
    if (!Object.values<number>(BudgetView).includes(request.view))
      throw invalidField("view", "must be basic or full");
    if (request.view !== BudgetView.FULL) {
      const { budget } = await services.reader.current(name);
      return { budget: budgetToMessage(budget) };
    }
    const { budget, levels, nextFreeUs } = await services.reader.levels(name);
    return {
      budget: budgetToMessage(budget),
      levels: levels.map(levelToMessage),
      nextFreeTime: nextFreeUs === undefined ? undefined : toTimestamp(nextFreeUs),
    };
  },

  updateBudget: async (request, context) => {
    const name = checkBudgetName(request);
    const change = checkChange(request);
    const { actor } = context.caller;
    const { budget } = await submit(services, { kind: "update", ...name, change, actor }, context.abandoned);
    return { budget: budgetToMessage(budget) };
  },

  deleteBudget: async (request, context) => {
    const { actor } = context.caller;
    await submit(services, { kind: "delete", ...checkBudgetName(request), actor }, context.abandoned);
    return {};
  },

  listUsers: async (request) => {
    const project = checkName("project", request.project);
    const prefix = checkOptionalName("user_prefix", request.userPrefix) ?? "";
    const limit = checkPageSize(request.pageSize);
    const scope = ["ListUsers", project, prefix];
    const [after] = decodePageToken(scope, request.pageToken, "text") ?? [];
    const { items, more } = await services.reader.listUsers({ project, prefix, after, limit });
    return {
      budgets: await messagesOf(BudgetSchema, items, budgetToMessage),
      nextPageToken: more ? encodePageToken(scope, [items.at(-1)?.user ?? ""]) : "",
    };
  },
});

export const checkBudgetName = (request: { project: string; user: string }): BudgetName => ({
  project: checkName("project", request.project),
  user: checkName("user", request.user),
});

function checkPeriod(request: CreateBudgetRequest) {
  const period = periodFromMessage(request.period);
  const short = periodFromDuration(request.duration);
  if (period !== undefined && short !== undefined)
    throw invalidField("duration", "must be absent if period is given");
  return period ?? short;
}

function checkChange(request: UpdateBudgetRequest): BudgetChange {
  const paths = request.updateMask?.paths ?? [];
  if (paths.length === 0) throw invalidField("update_mask", "must name at least one field");
  const change: BudgetChange = {};
  for (const path of paths) {
    switch (path) {
      case "total_budget_nano_usd":
        change.totalNanoUsd = checkAmount(path, request.totalBudgetNanoUsd);
        break;
      case "period":
        change.period = periodFromMessage(request.period);
        break;
      case "parent":
        change.parent = checkOptionalName(path, request.parent);
        break;
      case "model_limits":
        change.modelLimits = limitsFromMessages(request.modelLimits);
        break;
      default:
        throw invalidField("update_mask", `cannot change ${JSON.stringify(path)}`);
    }
  }
  return change;
}
