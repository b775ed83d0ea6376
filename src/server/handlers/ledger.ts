import { ClosedPeriodSchema } from "../../../gen/es/budget/v1/budget_pb.ts";
import { CostEntrySchema } from "../../../gen/es/budget/v1/cost_pb.ts";
import { remaining } from "../../domain/budget.ts";
import { invalidField } from "../../domain/errors.ts";
import { sweep } from "../../engine/upkeep/sweep.ts";
import { closedPeriodToMessage, periodBounds } from "../convert.ts";
import { entryToMessage } from "../convert-cost.ts";
import { checkName, checkOptionalName, checkPageSize, checkTimeRange } from "../fields.ts";
import { decodePageToken, encodePageToken } from "../page-token.ts";
import type { Handlers } from "../pipeline.ts";
import { messagesOf } from "../slices.ts";
import { checkBudgetName } from "./budgets.ts";
import type { Services } from "./services.ts";

type LedgerHandlers = Pick<Handlers, "getCurrentCost" | "listCostEntries" | "listPeriods" | "sweepDurations">;

/** Handlers of the methods that read the spend, and of the sweep. */
export const ledgerHandlers = ({
  store,
  reader,
  engine,
  sweepBatchBudgetsMax,
}: Services): LedgerHandlers => ({
  getCurrentCost: async (request) => {
    const name = checkBudgetName(request);
    const { budget, modelCosts } = await reader.current(name);
    return {
      currentCostNanoUsd: budget.spentNanoUsd,
      totalBudgetNanoUsd: budget.totalNanoUsd,
      remainingNanoUsd: remaining(budget),
      heldNanoUsd: budget.heldNanoUsd,
      modelCosts: Object.fromEntries(modelCosts),
      ...periodBounds(budget),
    };
  },

  listCostEntries: async (request) => {
    const project = checkName("project", request.project);
    const user = checkOptionalName("user", request.user);
    const { startUs, endUs } = checkTimeRange(request);
    const limit = checkPageSize(request.pageSize);
    const scope = ["ListCostEntries", project, request.user, String(startUs), String(endUs)];
    const [createdAtUs, requestId = ""] = decodePageToken(scope, request.pageToken, "integer", "text") ?? [];
    const before = createdAtUs === undefined ? undefined : { createdAtUs: BigInt(createdAtUs), requestId };
    const { items, more } = await reader.listCostEntries({ project, user, startUs, endUs, before, limit });
    const last = items.at(-1);
    return {
      entries: await messagesOf(CostEntrySchema, items, entryToMessage),
      nextPageToken: more && last ? encodePageToken(scope, [String(last.createdAtUs), last.requestId]) : "",
    };
  },

  listPeriods: async (request) => {
    const name = checkBudgetName(request);
    const limit = checkPageSize(request.pageSize);
    const scope = ["ListPeriods", name.project, name.user];
    const [periodId] = decodePageToken(scope, request.pageToken, "integer") ?? [];
    const before = periodId === undefined ? undefined : BigInt(periodId);
    const { items, more } = await reader.listPeriods({ ...name, before, limit });
    return {
      periods: await messagesOf(ClosedPeriodSchema, items, (period) =>
        closedPeriodToMessage(period, period.modelCosts),
      ),
      nextPageToken: more ? encodePageToken(scope, [String(items.at(-1)?.periodId)]) : "",
    };
  },

  sweepDurations: async (request) => {
    const project = checkOptionalName("project", request.project);
    const user = checkOptionalName("user", request.user);
    if (user !== undefined) {
      if (project === undefined) throw invalidField("project", "is required if user is given");
      await reader.current({ project, user });
    }
    const expired = await engine.endExpired({ project });
    const reset = await sweep({ store, engine }, { project, user }, sweepBatchBudgetsMax);
    return { budgetsReset: BigInt(reset), reservationsExpired: BigInt(expired) };
  },
});
