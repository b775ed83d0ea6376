import { create, createRegistry } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus } from "@connectrpc/connect/protocol-connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "../../gen/es/google/rpc/error_details_pb.ts";
import { type Status, StatusSchema } from "../../gen/es/google/rpc/status_pb.ts";
import type { BudgetError } from "../domain/errors.ts";
import { detailsOf, messageOf } from "./error-details.ts";

/** The gRPC code of each reason. Only this file maps reasons to gRPC codes and gRPC codes to HTTP statuses. */
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
  KEY_MISSING: Code.Unauthenticated,
  KEY_INVALID: Code.Unauthenticated,
  KEY_NOT_ALLOWED: Code.PermissionDenied,
  KEY_NOT_FOUND: Code.NotFound,
  RATE_EXCEEDED: Code.ResourceExhausted,
  STORE_UNAVAILABLE: Code.Unavailable,
  CANCELLED: Code.Canceled,
  DEADLINE_EXCEEDED: Code.DeadlineExceeded,
  INTERNAL: Code.Internal,
};

export const codeOf = (error: BudgetError): Code => CODES[error.reason];

export const httpStatusOf = (error: BudgetError): number => codeToHttpStatus(codeOf(error));

/** The types of error details. JSON needs them to encode an error inside a BatchUpdateCost response. */
export const DETAIL_TYPES = createRegistry(
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
);

/** The status for gRPC's trailer and for the results of a batch. */
export const toStatus = (error: BudgetError): Status =>
  create(StatusSchema, {
    code: codeOf(error),
    message: messageOf(error),
    details: detailsOf(error).map(({ desc, value }) => anyPack(desc, create(desc, value))),
  });

/** The error for Connect and gRPC-Web. */
export const toConnectError = (error: BudgetError): ConnectError =>
  new ConnectError(messageOf(error), codeOf(error), undefined, detailsOf(error));
