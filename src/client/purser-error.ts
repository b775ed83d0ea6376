import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../gen/es/google/rpc/error_details_pb.ts";

/** Purser refused a call, or could not be asked. `cause` is the ConnectError, with all that it says. */
export class PurserError extends Error {
  override name = "PurserError";
  /** Why, as in ErrorReason: BUDGET_NOT_FOUND, UNPRICED_MODEL. Undefined where no server of ours has answered. */
  readonly reason: string | undefined;
  /** The values of the reason, such as `nearest_1` of UNPRICED_MODEL: the nearest known name. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Of a charge or a reset: the same call with the same id happens once, whether or not this one did. */
  readonly requestId: string | undefined;

  constructor(message: string, cause: ConnectError, requestId?: string) {
    super(message, { cause });
    const info = infoOf(cause);
    this.reason = info?.reason;
    this.metadata = info?.metadata ?? {};
    this.requestId = requestId;
  }
}

/** The user has no budget in the project: where LiteLLM's BudgetManager raises KeyError. */
export class BudgetNotFoundError extends PurserError {
  override name = "BudgetNotFoundError";
}

/**
 * What a call failed with, as an error of ours; anything but a ConnectError stays what it is.
 *
 * @param requestId Of the call, where it has one.
 */
export function asPurserError(error: unknown, requestId?: string): unknown {
  if (!(error instanceof ConnectError)) return error;
  const info = infoOf(error);
  if (info?.reason === "BUDGET_NOT_FOUND") {
    const { user = "", project = "" } = info.metadata;
    const message = `no budget for user ${JSON.stringify(user)} in project ${JSON.stringify(project)}; createBudget makes one`;
    return new BudgetNotFoundError(message, error, requestId);
  }
  return new PurserError(messageOf(error, info !== undefined, requestId), error, requestId);
}

function messageOf(error: ConnectError, isAnswered: boolean, requestId: string | undefined): string {
  const message = isAnswered ? error.rawMessage : `Purser did not answer: ${error.rawMessage}`;
  if (requestId === undefined || !OUTCOME_UNKNOWN.has(error.code)) return message;
  return `${message}. It may have happened; asked again with requestId ${JSON.stringify(requestId)}, it happens once`;
}

const OUTCOME_UNKNOWN = new Set([Code.Unavailable, Code.Aborted, Code.DeadlineExceeded, Code.Unknown]);

/** What an error says of itself, where it is one of Purser's. */
export const infoOf = (error: ConnectError) =>
  error.findDetails(ErrorInfoSchema).find((info) => info.domain === "budget.v1");
