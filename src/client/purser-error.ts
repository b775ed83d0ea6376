import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../gen/es/google/rpc/error_details_pb.ts";

/** Purser refused a call or could not be reached. `cause` is the ConnectError with all details. */
export class PurserError extends Error {
  override name = "PurserError";
  /** The name in ErrorReason, such as BUDGET_NOT_FOUND. Undefined if no Purser server answered. */
  readonly reason: string | undefined;
  /** The values of the reason, such as `nearest_1` of UNPRICED_MODEL: the most similar known name. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Set for a charge or a reset. The outcome may be unknown; a retry with the same id takes effect once. */
  readonly requestId: string | undefined;

  constructor(message: string, cause: ConnectError, requestId?: string) {
    super(message, { cause });
    const info = infoOf(cause);
    this.reason = info?.reason;
    this.metadata = info?.metadata ?? {};
    this.requestId = requestId;
  }
}

/** The user has no budget in the project. LiteLLM's BudgetManager raises KeyError in this case. */
export class BudgetNotFoundError extends PurserError {
  override name = "BudgetNotFoundError";
}

/**
 * Converts a ConnectError to a PurserError. Any other error is returned unchanged.
 *
 * @param requestId The request id of the call, if it has one.
 */
export function asPurserError(error: unknown, requestId?: string): unknown {
  if (!(error instanceof ConnectError)) return error;
  const info = infoOf(error);
  if (info?.reason === "BUDGET_NOT_FOUND") {
    const { user = "", project = "" } = info.metadata;
    const message = `no budget for user ${JSON.stringify(user)} in project ${JSON.stringify(project)}; createBudget creates one`;
    return new BudgetNotFoundError(message, error, requestId);
  }
  return new PurserError(messageOf(error, info !== undefined, requestId), error, requestId);
}

function messageOf(error: ConnectError, isAnswered: boolean, requestId: string | undefined): string {
  const message = isAnswered ? error.rawMessage : `Purser did not answer: ${error.rawMessage}`;
  if (requestId === undefined || !OUTCOME_UNKNOWN.has(error.code)) return message;
  return `${message}. It may have happened; a retry with requestId ${JSON.stringify(requestId)} takes effect once`;
}

const OUTCOME_UNKNOWN = new Set([Code.Unavailable, Code.Aborted, Code.DeadlineExceeded, Code.Unknown]);

/** The ErrorInfo of an error from Purser. Undefined for other errors. */
export const infoOf = (error: ConnectError) =>
  error.findDetails(ErrorInfoSchema).find((info) => info.domain === "budget.v1");
