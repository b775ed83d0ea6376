import { Code, type ConnectError } from "@connectrpc/connect";
import { formatUsd, type NanoUsd } from "../domain/money.ts";
import { dollarsOf } from "./dollars.ts";
import { infoOf } from "./purser-error.ts";
import { retryDelayMs } from "./retry-delay.ts";

/** The reason of a refusal: the budget, or the budget's limit for the model. */
export type BudgetExceededReason = "BUDGET_EXCEEDED" | "MODEL_LIMIT_EXCEEDED";

/** The details of a refusal. Amounts are in nano-USD. */
export interface Exceeded {
  reason: BudgetExceededReason;
  project: string;
  /** The user who made the call. */
  user: string;
  /** The user whose budget refused: the caller itself or an ancestor. */
  refusedBy: string;
  model: string;
  /** The maximum cost of the call, which did not fit. */
  askedNanoUsd: NanoUsd;
  /** The amount that remained in the budget, or in its limit for the model. */
  remainingNanoUsd: NanoUsd;
  /** The total of the budget that refused. Undefined if it could not be read. */
  totalNanoUsd: NanoUsd | undefined;
  /** When a hold expires or a new period starts, whichever is earlier. Undefined if neither will happen. */
  retryAt: Date | undefined;
}

/** The call was not sent, because its maximum cost does not fit the budget. */
export class BudgetExceededError extends Error implements Exceeded {
  override readonly name = "BudgetExceededError";
  readonly reason: BudgetExceededReason;
  readonly project: string;
  readonly user: string;
  readonly refusedBy: string;
  readonly model: string;
  readonly askedNanoUsd: NanoUsd;
  readonly remainingNanoUsd: NanoUsd;
  readonly totalNanoUsd: NanoUsd | undefined;
  readonly retryAt: Date | undefined;

  constructor(exceeded: Exceeded) {
    super(describe(exceeded));
    this.reason = exceeded.reason;
    this.project = exceeded.project;
    this.user = exceeded.user;
    this.refusedBy = exceeded.refusedBy;
    this.model = exceeded.model;
    this.askedNanoUsd = exceeded.askedNanoUsd;
    this.remainingNanoUsd = exceeded.remainingNanoUsd;
    this.totalNanoUsd = exceeded.totalNanoUsd;
    this.retryAt = exceeded.retryAt;
  }

  /** In dollars, for display; `askedNanoUsd` is exact. */
  get askedUsd(): number {
    return dollarsOf(this.askedNanoUsd);
  }

  /** In dollars, for display; `remainingNanoUsd` is exact. */
  get remainingUsd(): number {
    return dollarsOf(this.remainingNanoUsd);
  }

  /** In dollars, for display; `totalNanoUsd` is exact. */
  get totalUsd(): number | undefined {
    return this.totalNanoUsd === undefined ? undefined : dollarsOf(this.totalNanoUsd);
  }
}

/** Purser cannot be reached or did not answer in time. `cause` has the details. Nothing was sent to the provider. */
export class PurserUnavailableError extends Error {
  override readonly name = "PurserUnavailableError";
}

/** Finds a BudgetExceededError in an error or its causes. Use it if an SDK wraps errors. */
export function budgetExceeded(error: unknown): BudgetExceededError | undefined {
  for (const each of causesOf(error)) if (each instanceof BudgetExceededError) return each;
  return undefined;
}

const CAUSES_MAX = 10;

/** An error and its causes, outermost first. */
export function* causesOf(error: unknown): Generator<Error> {
  let each = error;
  for (let depth = 0; depth < CAUSES_MAX && each instanceof Error; depth++) {
    yield each;
    each = each.cause;
  }
}

/** gRPC may report a lost connection as Canceled. */
const AWAY = new Set([Code.Unavailable, Code.DeadlineExceeded, Code.Aborted, Code.Canceled, Code.Unknown]);

/** Whether a call failed because Purser was unavailable, so that a retry may succeed. */
export const isUnavailable = (error: ConnectError): boolean =>
  AWAY.has(error.code) || (error.code === Code.Internal && reasonOf(error) === undefined);

/** Whether the server refused a call only because too many came at once. Nothing was changed, and a retry may succeed. */
export const isRateExceeded = (error: ConnectError): boolean => reasonOf(error) === "RATE_EXCEEDED";

/** Purser's reason, a name in ErrorReason. Undefined if the error is not from Purser. */
export const reasonOf = (error: ConnectError): string | undefined => infoOf(error)?.reason;

/** The details of a refusal, without the budget's total. Undefined for any other error. */
export function exceededFrom(user: string, error: ConnectError, now = new Date()): Exceeded | undefined {
  const info = infoOf(error);
  if (info?.reason !== "BUDGET_EXCEEDED" && info?.reason !== "MODEL_LIMIT_EXCEEDED") return undefined;
  const { metadata } = info;
  const delayMs = retryDelayMs(error);
  return {
    reason: info.reason,
    project: metadata["project"] ?? "",
    user,
    refusedBy: metadata["user"] ?? "",
    model: metadata["model"] ?? "",
    askedNanoUsd: BigInt(metadata["amount_nano_usd"] ?? 0),
    remainingNanoUsd: BigInt(metadata["remaining_nano_usd"] ?? 0),
    totalNanoUsd: undefined,
    retryAt: delayMs === undefined ? undefined : new Date(now.getTime() + delayMs),
  };
}

function describe(exceeded: Exceeded): string {
  const { reason, project, user, refusedBy, model, askedNanoUsd, remainingNanoUsd, totalNanoUsd } = exceeded;
  const what = reason === "BUDGET_EXCEEDED" ? "budget" : `limit for ${model}`;
  const total = totalNanoUsd === undefined ? "" : ` of ${formatUsd(totalNanoUsd)}`;
  const when = exceeded.retryAt === undefined ? "" : `; try again at ${exceeded.retryAt.toISOString()}`;
  return `the call of ${model} for user ${JSON.stringify(user)} in project ${JSON.stringify(project)} was not made: it may cost ${formatUsd(askedNanoUsd)}, and the ${what} of ${JSON.stringify(refusedBy)} has ${formatUsd(remainingNanoUsd)}${total} left${when}`;
}
