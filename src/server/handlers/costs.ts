import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type BatchUpdateCostResultSchema,
  type UpdateCostRequest,
  UpdateCostRequestSchema,
  type UpdateCostResponseSchema,
} from "../../../gen/es/budget/v1/budget_service_pb.ts";
import { remaining } from "../../domain/budget.ts";
import { errorOf, Failure, invalidField } from "../../domain/errors.ts";
import type { Fingerprints } from "../../domain/fingerprint.ts";
import type { Charge, Operation } from "../../engine/commit/operation.ts";
import { makeRequestId } from "../../engine/commit/request-id.ts";
import { budgetToMessage } from "../convert.ts";
import { priceToMessage, usageFromMessage } from "../convert-cost.ts";
import { checkAmount, checkName, checkOptionalName, checkRequestId } from "../fields.ts";
import {
  fingerprintsOfRefundCost,
  fingerprintsOfResetCost,
  fingerprintsOfUpdateCost,
} from "../fingerprints.ts";
import type { CallContext, Handlers } from "../pipeline.ts";
import { toStatus } from "../status.ts";
import { checkBudgetName } from "./budgets.ts";
import type { Services } from "./services.ts";
import { submit } from "./submit.ts";

const BATCH_REQUESTS_MAX = 1000;

type CostHandlers = Pick<Handlers, "updateCost" | "batchUpdateCost" | "refundCost" | "resetCost">;

/** Handlers of the methods that write to the ledger. */
export const costHandlers = (services: Services): CostHandlers => ({
  updateCost: (request, context) => updateCost(services, request, context),

  batchUpdateCost: async ({ requests }, context) => {
    if (requests.length < 1 || requests.length > BATCH_REQUESTS_MAX) {
      throw invalidField("requests", `must be 1 to ${BATCH_REQUESTS_MAX}, not ${requests.length}`);
    }
    // All requests start before the first is awaited, so that they can share a batch of the engine.
    const results = requests.map((request) =>
      context
        .permitted("UpdateCost", request, (permitted) => updateCost(services, permitted, context))
        .then(asResponse, (thrown: unknown) => asStatus(thrown, services.onDefect)),
    );
    return { results: await Promise.all(results) };
  },

  refundCost: async (request, context) => {
    const project = checkName("project", request.project);
    const requestId = checkRequestId(request.requestId) ?? makeRequestId();
    const chargeId = checkRequestId(request.chargeRequestId, "charge_request_id");
    if (chargeId === undefined) throw invalidField("charge_request_id", "is required");
    const amountNanoUsd = checkRefund(request.amountNanoUsd);
    const charge = await services.reader.findCharge({ project, requestId: chargeId });
    const operation: Operation = {
      kind: "refund",
      project,
      user: charge.user,
      requestId,
      ...fingerprintsOfRefundCost(request),
      chargeId,
      chargedAncestors: charge.ancestors,
      amountNanoUsd,
      actor: context.caller.actor,
    };
    const { entry, budget, replayed } = await submit(services, operation, context.abandoned);
    const refundedNanoUsd = -(entry?.costNanoUsd ?? 0n);
    return { refundedNanoUsd, budget: budgetToMessage(budget), replayed, requestId };
  },

  resetCost: async (request, context) => {
    const name = checkBudgetName(request);
    const requestId = checkRequestId(request.requestId) ?? makeRequestId();
    const operation: Operation = {
      kind: "reset",
      ...name,
      requestId,
      ...fingerprintsOfResetCost(request),
      actor: context.caller.actor,
    };
    const verdict = await submit(services, operation, context.abandoned);
    return { budget: budgetToMessage(verdict.budget), replayed: verdict.replayed, requestId };
  },
});

/** Checks the amount of a refund. Undefined: all that is left of the charge. */
function checkRefund(amountNanoUsd: bigint | undefined): bigint | undefined {
  if (amountNanoUsd === undefined || amountNanoUsd > 0n) return amountNanoUsd;
  throw invalidField("amount_nano_usd", `must be more than 0, not ${amountNanoUsd}`);
}

type UpdateCostResponseInit = MessageInitShape<typeof UpdateCostResponseSchema>;
type BatchResultInit = MessageInitShape<typeof BatchUpdateCostResultSchema>;

const asResponse = (value: UpdateCostResponseInit): BatchResultInit => ({
  outcome: { case: "response", value },
});

/**
 * Converts any error, even a defect, into the result of its own request. The other requests are charged, and the caller
 * must get their results.
 */
const asStatus = (thrown: unknown, onDefect: Services["onDefect"]): BatchResultInit => {
  if (!(thrown instanceof Failure)) onDefect(thrown);
  return { outcome: { case: "status", value: toStatus(errorOf(thrown)) } };
};

async function updateCost(
  services: Services,
  request: UpdateCostRequest,
  context: CallContext,
): Promise<UpdateCostResponseInit> {
  const name = checkBudgetName(request);
  const requestId = checkRequestId(request.requestId) ?? makeRequestId();
  const reservationId = checkRequestId(request.reservationId, "reservation_id");
  const cost = await costOf(services, request, context);
  const operation: Operation = { kind: "charge", ...name, requestId, reservationId, ...cost };
  const { entry, budget, replayed } = await submit(services, operation, context.abandoned);
  return {
    costNanoUsd: entry?.costNanoUsd,
    budget: budgetToMessage(budget),
    overBudget: remaining(budget) < 0n,
    replayed,
    requestId,
    price: entry?.detail && priceToMessage(entry.detail.price),
  };
}

type ChargeContent = Pick<Charge, "source" | "model" | "costNanoUsd" | "detail">;

/**
 * Determines the cost of a request from its source. The fingerprint covers what the caller sent and not the computed
 * price, so a retry matches after prices have changed. For the same reason the engine refuses a model without a price:
 * only the engine knows whether the request is a replay.
 */
async function costOf(
  services: Services,
  request: UpdateCostRequest,
  context: CallContext,
): Promise<ChargeContent & Fingerprints & Pick<Charge, "refusal">> {
  const prints = fingerprintsOfUpdateCost(request);
  try {
    return { ...(await priceSource(services, request, context)), ...prints };
  } catch (thrown) {
    if (!(thrown instanceof Failure) || thrown.error.reason !== "UNPRICED_MODEL") throw thrown;
    const { error } = thrown;
    const content = { source: "COST", model: error.model, costNanoUsd: 0n, detail: undefined } as const;
    return { ...content, ...prints, refusal: error };
  }
}

async function priceSource(
  { costing }: Services,
  { project, source, completionModel, useReportedCost }: UpdateCostRequest,
  context: CallContext,
): Promise<ChargeContent> {
  switch (source.case) {
    case "completion": {
      const model = checkOptionalName("completion_model", completionModel);
      const completion = { json: source.value, model, useReportedCost };
      return { source: "COMPLETION", ...(await costing.ofCompletion(project, completion)) };
    }
    case "text": {
      const model = checkName("text.model", source.value.model);
      const text = { model, input: source.value.inputText, output: source.value.outputText };
      return { source: "TEXT", ...(await costing.ofText(project, text, context.signal)) };
    }
    case "usage": {
      const model = checkName("usage.model", source.value.model);
      return { source: "USAGE", ...(await costing.ofUsage(project, model, usageFromMessage(source.value))) };
    }
    case "cost": {
      const model = checkName("cost.model", source.value.model);
      const costNanoUsd = checkAmount("cost.cost_nano_usd", source.value.costNanoUsd);
      return { source: "COST", model, costNanoUsd, detail: undefined };
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
