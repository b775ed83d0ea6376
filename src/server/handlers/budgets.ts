import type {
  CreateBudgetRequest,
  UpdateBudgetRequest,
} from "../../../gen/es/budget/v1/budget_service_pb.ts";
import { Failure, invalidField } from "../../domain/errors.ts";
import { fingerprint } from "../../domain/fingerprint.ts";
import {
  type BudgetChange,
  createBudget,
  getBudget,
  listUsers,
  removeBudget,
  updateBudget,
} from "../../engine/budgets.ts";
import type { BudgetName } from "../../store/batches.ts";
import { budgetToMessage, periodFromDuration, periodFromMessage } from "../convert.ts";
import { checkAmount, checkName, checkOptionalName, checkPageSize } from "../fields.ts";
import { decodePageToken, encodePageToken } from "../page-token.ts";
import type { Handlers } from "../pipeline.ts";
import type { Services } from "./services.ts";

type BudgetHandlers = Pick<
  Handlers,
  "createBudget" | "getBudget" | "updateBudget" | "deleteBudget" | "listUsers"
>;

/** The calls about budgets themselves. */
export const budgetHandlers = ({ store }: Services): BudgetHandlers => ({
  createBudget: async (request) => {
    const definition = {
      ...checkBudgetName(request),
      totalNanoUsd: checkAmount("total_budget_nano_usd", request.totalBudgetNanoUsd),
      period: checkPeriod(request),
    };
    refuseUnbuilt(request);
    const budget = await createBudget(store, { ...definition, fingerprint: creationFingerprint(request) });
    return { budget: budgetToMessage(budget) };
  },

  getBudget: async (request) => ({
    budget: budgetToMessage(await getBudget(store, checkBudgetName(request))),
  }),

  updateBudget: async (request) => {
    const name = checkBudgetName(request);
    const budget = await updateBudget(store, name, checkChange(request));
    return { budget: budgetToMessage(budget) };
  },

  deleteBudget: async (request) => {
    await removeBudget(store, checkBudgetName(request));
    return {};
  },

  listUsers: async (request) => {
    const project = checkName("project", request.project);
    const prefix = checkOptionalName("user_prefix", request.userPrefix) ?? "";
    const limit = checkPageSize(request.pageSize);
    const scope = ["ListUsers", project, prefix];
    const [after] = decodePageToken(scope, request.pageToken, "text") ?? [];
    const { budgets, more } = await listUsers(store, { project, prefix, after, limit });
    return {
      budgets: budgets.map(budgetToMessage),
      nextPageToken: more ? encodePageToken(scope, [budgets.at(-1)?.user ?? ""]) : "",
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
    throw invalidField("duration", "must be absent beside period");
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
      case "model_limits":
        throw new Failure({ reason: "NOT_IMPLEMENTED", what: path });
      default:
        throw invalidField("update_mask", `cannot change ${JSON.stringify(path)}`);
    }
  }
  return change;
}

/** The tree and the limits of models come later. A budget without them would not be what was asked for. */
function refuseUnbuilt(request: CreateBudgetRequest): void {
  if (request.parent !== "") throw new Failure({ reason: "NOT_IMPLEMENTED", what: "parent" });
  if (request.modelLimits.length > 0) throw new Failure({ reason: "NOT_IMPLEMENTED", what: "model_limits" });
}

const creationFingerprint = (request: CreateBudgetRequest): string =>
  fingerprint([
    request.totalBudgetNanoUsd,
    request.duration,
    request.period && [
      request.period.unit,
      request.period.count,
      request.period.timeZone,
      request.period.anchor && [request.period.anchor.seconds, request.period.anchor.nanos],
    ],
  ]);
