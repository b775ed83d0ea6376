import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "../../gen/es/google/rpc/error_details_pb.ts";
import { type Status, StatusSchema } from "../../gen/es/google/rpc/status_pb.ts";
import { type BudgetError, describe } from "../domain/errors.ts";
import { formatUsd } from "../domain/money.ts";

/** The one place where reasons become gRPC codes. */
const CODES: Record<BudgetError["reason"], Code> = {
  INVALID_FIELD: Code.InvalidArgument,
  BUDGET_NOT_FOUND: Code.NotFound,
  BUDGET_EXISTS: Code.AlreadyExists,
  REQUEST_ID_REUSED: Code.AlreadyExists,
  RESERVATION_NOT_FOUND: Code.NotFound,
  PARENT_NOT_FOUND: Code.NotFound,
  CHARGE_NOT_FOUND: Code.NotFound,
  REFUND_EXCEEDS_CHARGE: Code.FailedPrecondition,
  BUDGET_EXCEEDED: Code.ResourceExhausted,
  MODEL_LIMIT_EXCEEDED: Code.ResourceExhausted,
  RESERVATION_CLOSED: Code.FailedPrecondition,
  BUDGET_IN_USE: Code.FailedPrecondition,
  PARENT_CYCLE: Code.FailedPrecondition,
  PRICE_NOT_FOUND: Code.NotFound,
  PRICES_FULL: Code.ResourceExhausted,
  UNPRICED_MODEL: Code.FailedPrecondition,
  AMOUNT_OVERFLOW: Code.OutOfRange,
  OVERLOADED: Code.Unavailable,
  STORE_UNAVAILABLE: Code.Unavailable,
  CANCELLED: Code.Canceled,
  DEADLINE_EXCEEDED: Code.DeadlineExceeded,
  INTERNAL: Code.Internal,
};

export const ERROR_DOMAIN = "budget.v1";

interface Detail<Desc extends DescMessage = DescMessage> {
  desc: Desc;
  value: MessageInitShape<Desc>;
}

const detail = <Desc extends DescMessage>(desc: Desc, value: MessageInitShape<Desc>): Detail => ({
  desc,
  value,
});

function detailsOf(error: BudgetError): Detail[] {
  const info = detail(ErrorInfoSchema, {
    domain: ERROR_DOMAIN,
    reason: error.reason,
    metadata: metadataOf(error),
  });
  if (error.reason === "INVALID_FIELD") {
    const { field, description } = error;
    return [info, detail(BadRequestSchema, { fieldViolations: [{ field, description }] })];
  }
  return [info, ...quotaFailure(error), ...retryInfo(error)];
}

/** Of a refused reservation: the level that refused first, then what each level had left. */
function quotaFailure(error: BudgetError): Detail[] {
  if (!("levels" in error)) return [];
  const violations = error.levels
    .toSorted((a, b) => Number(b.user === error.user) - Number(a.user === error.user))
    .map(({ user, remainingNanoUsd }) => ({
      subject: `budget:${error.project}/${user}`,
      description: `${formatUsd(remainingNanoUsd)} left of the ${formatUsd(error.amountNanoUsd)} asked for`,
    }));
  return [detail(QuotaFailureSchema, { violations })];
}

function retryInfo(error: BudgetError): Detail[] {
  if (!("retryAfterMs" in error) || error.retryAfterMs === undefined) return [];
  const seconds = Math.floor(error.retryAfterMs / 1000);
  const nanos = (error.retryAfterMs % 1000) * 1_000_000;
  return [detail(RetryInfoSchema, { retryDelay: { seconds: BigInt(seconds), nanos } })];
}

/** Every value of the error, under its name in the proto. */
function metadataOf(error: BudgetError): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(error)) {
    if (name === "reason" || name === "levels" || value === undefined) continue;
    const key = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (Array.isArray(value))
      value.forEach((item, index) => (metadata[`${key}_${index + 1}`] = String(item)));
    else metadata[key] = String(value);
  }
  return metadata;
}

export const codeOf = (error: BudgetError): Code => CODES[error.reason];

/** For gRPC's trailer and for results of a batch. */
export const toStatus = (error: BudgetError): Status =>
  create(StatusSchema, {
    code: codeOf(error),
    message: describe(error),
    details: detailsOf(error).map(({ desc, value }) => anyPack(desc, create(desc, value))),
  });

export const toStatusBytes = (error: BudgetError): Uint8Array => toBinary(StatusSchema, toStatus(error));

/** For Connect and gRPC-Web. */
export const toConnectError = (error: BudgetError): ConnectError =>
  new ConnectError(describe(error), codeOf(error), undefined, detailsOf(error));
