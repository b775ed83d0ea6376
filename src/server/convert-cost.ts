import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type CostEntrySchema,
  EntryKind,
  type PriceSchema,
  EntrySource as SourceMessage,
  ServiceTier as TierMessage,
  type Usage as UsageMessage,
  type UsageSchema,
} from "../../gen/es/budget/v1/cost_pb.ts";
import type { CostDetail } from "../domain/cost-detail.ts";
import type { Entry, EntrySource } from "../domain/entry.ts";
import { Failure, invalidField } from "../domain/errors.ts";
import {
  checkUsage,
  SERVICE_TIERS,
  type ServiceTier,
  snakeCase,
  USAGE_NUMBERS,
  type Usage,
} from "../domain/usage.ts";
import { checkCount, toTimestamp } from "./fields.ts";

/** Converts usage, prices and ledger entries between protobuf messages and domain values. */

const TIERS: Record<ServiceTier, TierMessage> = {
  standard: TierMessage.STANDARD,
  flex: TierMessage.FLEX,
  priority: TierMessage.PRIORITY,
  batch: TierMessage.BATCH,
};

/** @throws INVALID_FIELD naming the count, as in `usage.input_tokens` */
export function usageFromMessage(message: UsageMessage): Usage {
  const usage: Usage = {};
  for (const name of USAGE_NUMBERS) {
    const value = message[name];
    if (Number(value) === 0) continue;
    usage[name] = typeof value === "bigint" ? checkCount(`usage.${snakeCase(name)}`, value) : value;
  }
  const tier = tierFromMessage("usage.service_tier", message.serviceTier);
  if (tier !== undefined) usage.serviceTier = tier;
  const problem = checkUsage(usage, "usage");
  if (problem !== undefined) throw new Failure(problem);
  return usage;
}

export function tierFromMessage(field: string, tier: TierMessage): ServiceTier | undefined {
  if (tier === TierMessage.UNSPECIFIED) return undefined;
  const found = SERVICE_TIERS.find((name) => TIERS[name] === tier);
  if (found === undefined) throw invalidField(field, `must be ${SERVICE_TIERS.join(", ")}`);
  return found;
}

export const tierToMessage = (tier: ServiceTier = "standard"): TierMessage => TIERS[tier];

function usageToMessage(model: string, usage: Usage): MessageInitShape<typeof UsageSchema> {
  const message: Record<string, unknown> = { model };
  for (const name of USAGE_NUMBERS) {
    const value = usage[name];
    if (value === undefined) continue;
    message[name] = name === "inputSeconds" || name === "outputSeconds" ? value : BigInt(value);
  }
  if (usage.serviceTier !== undefined) message.serviceTier = TIERS[usage.serviceTier];
  return message;
}

const SOURCES: Record<EntrySource, SourceMessage> = {
  COMPLETION: SourceMessage.COMPLETION,
  TEXT: SourceMessage.TEXT,
  USAGE: SourceMessage.USAGE,
  COST: SourceMessage.COST,
  RESET: SourceMessage.RESET,
  LEGACY: SourceMessage.LEGACY,
  RESERVATION: SourceMessage.RESERVATION,
  REFUND: SourceMessage.REFUND,
};

export const priceToMessage = (price: CostDetail["price"]): MessageInitShape<typeof PriceSchema> => ({
  model: price.matchedModel,
  source: price.source,
  lines: price.lines.map((line) => ({
    dimension: snakeCase(line.dimension),
    quantity: String(line.quantity),
    rateUsd: line.rateUsd,
    per: line.per,
    costUsd: line.costUsd,
  })),
  assumptions: price.assumed,
});

export function entryToMessage(entry: Entry): MessageInitShape<typeof CostEntrySchema> {
  const { detail } = entry;
  return {
    requestId: entry.requestId,
    user: entry.user,
    kind: EntryKind[entry.kind],
    source: SOURCES[entry.source],
    model: entry.model,
    costNanoUsd: entry.costNanoUsd,
    usage: detail && usageToMessage(entry.model ?? "", detail.usage),
    price: detail && priceToMessage(detail.price),
    reservationId: entry.reservationId,
    correctsRequestId: entry.correctsRequestId,
    createTime: toTimestamp(entry.createdAtUs),
    spentAfterNanoUsd: entry.spentAfterNanoUsd,
    totalAfterNanoUsd: entry.totalAfterNanoUsd,
    heldAfterNanoUsd: entry.heldAfterNanoUsd,
    periodStart: toTimestamp(entry.periodStartUs),
  };
}
