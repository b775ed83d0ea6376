import { hash } from "node:crypto";
import type {
  CreateBudgetRequest,
  RefundCostRequest,
  ReserveCostRequest,
  ResetCostRequest,
  UpdateCostRequest,
} from "../../gen/es/budget/v1/budget_service_pb.ts";
import { OnExpiry } from "../../gen/es/budget/v1/reservation_pb.ts";
import type { Printable } from "../domain/fingerprint.ts";

/**
 * Fingerprints of version 1, which rows have that were stored before version 2. Frozen: a change of this file turns requests
 * that are repeated across the upgrade into other requests. Fields that the proto gets later do not belong here.
 *
 * This file can be deleted, with `Fingerprints.fingerprintV1`, when no database has a row without the prefix "2." whose
 * request may still be repeated. Entries and reservations are repeated within hours. Budgets are what takes long: a program
 * that calls CreateBudget each time it starts repeats its first call for as long as the budget exists.
 */

const CHARACTERS = 22;
const TTL_US_DEFAULT = 600_000_000n;

const fingerprint = (payload: Printable): string =>
  hash("sha256", canonical(payload), "base64url").slice(0, CHARACTERS);

function canonical(value: Printable): string {
  if (value === undefined) return "~";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number") return Object.is(value, -0) ? "0" : String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonical).join(",")}]`;
  const members = Object.keys(value)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
  return `{${members.join(",")}}`;
}

const isList = (value: object): value is readonly Printable[] => Array.isArray(value);

export const updateCostV1 = (request: UpdateCostRequest): string =>
  fingerprint([request.source.case, request.user, request.reservationId, sourceOf(request)]);

function sourceOf({ source, completionModel, useReportedCost }: UpdateCostRequest): Printable {
  switch (source.case) {
    case "completion":
      return [source.value, completionModel, useReportedCost];
    case "text": {
      const { model, inputText, outputText } = source.value;
      return { model, inputText, outputText };
    }
    case "usage":
      return Object.fromEntries(USAGE_FIELDS.map((field) => [field, source.value[field]]));
    case "cost":
      return { model: source.value.model, costNanoUsd: source.value.costNanoUsd };
    case undefined:
      return {};
    default: {
      const unreachable: never = source;
      return unreachable;
    }
  }
}

const USAGE_FIELDS = [
  "model",
  "inputTokens",
  "outputTokens",
  "cacheReadTokens",
  "cacheWriteTokens",
  "cacheWrite1hTokens",
  "reasoningTokens",
  "inputAudioTokens",
  "outputAudioTokens",
  "inputImageTokens",
  "outputImageTokens",
  "inputCharacters",
  "outputCharacters",
  "inputSeconds",
  "outputSeconds",
  "images",
  "pixels",
  "pages",
  "searchQueries",
  "requests",
  "serviceTier",
  "cacheReadAudioTokens",
  "cacheReadImageTokens",
] as const;

export const refundCostV1 = ({ chargeRequestId, amountNanoUsd }: RefundCostRequest): string =>
  fingerprint(["refund", chargeRequestId, amountNanoUsd]);

export const resetCostV1 = ({ user }: ResetCostRequest): string => fingerprint(["reset", user]);

export function reserveCostV1({ user, model, ttl, onExpiry, amount }: ReserveCostRequest): string {
  const ttlUs =
    ttl === undefined ? TTL_US_DEFAULT : ttl.seconds * 1_000_000n + BigInt(Math.trunc(ttl.nanos / 1000));
  const ending = onExpiry === OnExpiry.CHARGE ? "CHARGE" : "RELEASE";
  return fingerprint([user, model, ttlUs, ending, amountOf(amount)]);
}

function amountOf(amount: ReserveCostRequest["amount"]): Printable {
  if (amount.case !== "estimate") return [amount.case, amount.value];
  const { messages, text, tools, maxOutputTokens } = amount.value;
  return [amount.case, messages, text, tools, maxOutputTokens];
}

export const createBudgetV1 = (request: CreateBudgetRequest): string =>
  fingerprint([
    request.totalBudgetNanoUsd,
    request.duration,
    request.period && [
      request.period.unit,
      request.period.count,
      request.period.timeZone,
      request.period.anchor && [request.period.anchor.seconds, request.period.anchor.nanos],
    ],
    request.parent,
    request.modelLimits.map(({ model, limitNanoUsd }) => [model, limitNanoUsd]),
  ]);
