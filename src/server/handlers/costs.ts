import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type BatchUpdateCostResultSchema,
  type UpdateCostRequest,
  UpdateCostRequestSchema,
  type UpdateCostResponseSchema,
} from "../../../gen/es/budget/v1/budget_service_pb.ts";
import { remaining } from "../../domain/budget.ts";
import { Failure, invalidField } from "../../domain/errors.ts";
import { fingerprint, type Printable } from "../../domain/fingerprint.ts";
import type { Abandoned } from "../../engine/commit.ts";
import type { Charge, Operation, Verdict } from "../../engine/operation.ts";
import { makeRequestId } from "../../engine/request-id.ts";
import { budgetToMessage } from "../convert.ts";
import { detailOf, priceToMessage, usageFromMessage } from "../convert-cost.ts";
import { checkAmount, checkName, checkRequestId } from "../fields.ts";
import type { CallContext, Handlers } from "../pipeline.ts";
import { toStatus } from "../status.ts";
import { checkBudgetName } from "./budgets.ts";
import type { Services } from "./services.ts";

const BATCH_REQUESTS_MAX = 1000;

type CostHandlers = Pick<Handlers, "updateCost" | "batchUpdateCost" | "resetCost">;

/** The calls that write to the ledger. */
export const costHandlers = (services: Services): CostHandlers => ({
  updateCost: (request, context) => updateCost(services, request, context),

  batchUpdateCost: async ({ requests }, context) => {
    if (requests.length < 1 || requests.length > BATCH_REQUESTS_MAX) {
      throw invalidField("requests", `must be 1 to ${BATCH_REQUESTS_MAX}, not ${requests.length}`);
    }
    // All are begun before the first is awaited, so that they can share a batch of the engine.
    const results = requests.map((request) =>
      updateCost(services, request, context).then(asResponse, asStatus),
    );
    return { results: await Promise.all(results) };
  },

  resetCost: async (request, context) => {
    const name = checkBudgetName(request);
    const requestId = checkRequestId(request.requestId) ?? makeRequestId();
    const print = fingerprint(["reset", name.user]);
    const operation: Operation = { kind: "reset", ...name, requestId, fingerprint: print };
    const verdict = await submit(services, operation, context.abandoned);
    return { budget: budgetToMessage(verdict.budget), replayed: verdict.replayed, requestId };
  },
});

type UpdateCostResponseInit = MessageInitShape<typeof UpdateCostResponseSchema>;
type BatchResultInit = MessageInitShape<typeof BatchUpdateCostResultSchema>;

const asResponse = (value: UpdateCostResponseInit): BatchResultInit => ({
  outcome: { case: "response", value },
});

const asStatus = (thrown: unknown): BatchResultInit => {
  if (!(thrown instanceof Failure)) throw thrown;
  return { outcome: { case: "status", value: toStatus(thrown.error) } };
};

async function updateCost(
  services: Services,
  request: UpdateCostRequest,
  context: CallContext,
): Promise<UpdateCostResponseInit> {
  const name = checkBudgetName(request);
  const requestId = checkRequestId(request.requestId) ?? makeRequestId();
  if (request.reservationId !== "") throw new Failure({ reason: "NOT_IMPLEMENTED", what: "reservation_id" });
  const cost = await costOf(services, request, context);
  const operation: Operation = { kind: "charge", ...name, requestId, ...cost };
  const { entry, budget, replayed } = await submit(services, operation, context.abandoned);
  const detail = detailOf(entry);
  return {
    costNanoUsd: entry.costNanoUsd,
    budget: budgetToMessage(budget),
    overBudget: remaining(budget) < 0n,
    replayed,
    requestId,
    price: detail && priceToMessage(detail.price),
  };
}

async function submit(
  { engine }: Services,
  operation: Operation,
  abandoned: Abandoned,
): Promise<Verdict & { ok: true }> {
  const verdict = await engine.submit(operation, abandoned);
  if (!verdict.ok) throw new Failure(verdict.error);
  return verdict;
}

/**
 * What a request costs, by its source. The fingerprint is of what the caller sent, never of what it was priced at: a
 * repeated request is the same request after prices have changed.
 */
async function costOf(
  { costing }: Services,
  { user, source }: UpdateCostRequest,
  context: CallContext,
): Promise<Pick<Charge, "source" | "model" | "costNanoUsd" | "detail" | "fingerprint">> {
  const print = (...payload: readonly Printable[]): string => fingerprint([source.case, user, ...payload]);
  switch (source.case) {
    case "completion":
      return {
        source: "COMPLETION",
        ...costing.ofCompletion(source.value),
        fingerprint: print(source.value),
      };
    case "text": {
      const { inputText, outputText } = source.value;
      const model = checkName("text.model", source.value.model);
      return {
        source: "TEXT",
        ...(await costing.ofText(model, inputText, outputText, context.signal)),
        fingerprint: print(model, inputText, outputText),
      };
    }
    case "usage": {
      const model = checkName("usage.model", source.value.model);
      const usage = usageFromMessage(source.value);
      return {
        source: "USAGE",
        ...costing.ofUsage(model, usage),
        fingerprint: print(model, usage as unknown as Printable),
      };
    }
    case "cost": {
      const model = checkName("cost.model", source.value.model);
      const costNanoUsd = checkAmount("cost.cost_nano_usd", source.value.costNanoUsd);
      return {
        source: "COST",
        model,
        costNanoUsd,
        detail: undefined,
        fingerprint: print(model, costNanoUsd),
      };
    }
    case undefined:
      throw invalidField("source", `must be one of ${SOURCES}`);
    default: {
      const unreachable: never = source;
      return unreachable;
    }
  }
}

const SOURCES = UpdateCostRequestSchema.oneofs
  .flatMap((oneof) => oneof.fields.map((field) => field.name))
  .join(", ");
