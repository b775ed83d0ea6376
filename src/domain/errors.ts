import { formatUsd } from "./money.ts";

/**
 * Every error, as a value that knows nothing of gRPC and HTTP. Only `server/status.ts` maps a reason to a code.
 */
export type BudgetError =
  /**
   * A request field is missing, malformed or out of range. `field` is its path in the proto, for example
   * `period.count`.
   */
  | { reason: "INVALID_FIELD"; field: string; description: string }
  | { reason: "BUDGET_NOT_FOUND"; project: string; user: string }
  /** CreateBudget names a budget that exists already and was created with other parameters. */
  | { reason: "BUDGET_EXISTS"; project: string; user: string }
  /** The request id was used before with another payload. */
  | { reason: "REQUEST_ID_REUSED"; project: string; requestId: string }
  | { reason: "RESERVATION_NOT_FOUND"; project: string; reservationId: string }
  | { reason: "RESERVATION_CLOSED"; project: string; reservationId: string; state: string }
  | { reason: "PARENT_NOT_FOUND"; project: string; parent: string }
  | { reason: "PARENT_CYCLE"; project: string; user: string; parent: string }
  /** No charge has this request id, or the budget of that charge was deleted. */
  | { reason: "CHARGE_NOT_FOUND"; project: string; requestId: string }
  /** The refund is larger than the amount of the charge that earlier refunds left. */
  | { reason: "REFUND_EXCEEDS_CHARGE"; project: string; requestId: string; leftNanoUsd: bigint }
  /** The budget has children, or open reservations. */
  | { reason: "BUDGET_IN_USE"; project: string; user: string }
  /** A reservation does not fit the budget of `user`: the requested budget or one of its ancestors. */
  | ({ reason: "BUDGET_EXCEEDED" } & Refusal)
  /** A reservation does not fit a model limit of the budget of `user`. `limit` is the model name of that limit. */
  | ({ reason: "MODEL_LIMIT_EXCEEDED"; limit: string } & Refusal)
  | { reason: "PRICE_NOT_FOUND"; project: string; model: string }
  /** The project has reached the maximum number of prices. */
  | { reason: "PRICES_FULL"; project: string; pricesMax: number }
  /** No price is known for the model. `nearest` has up to three known names that are similar. */
  | { reason: "UNPRICED_MODEL"; model: string; nearest: readonly string[] }
  /** A sum is out of the range of a signed 64-bit integer of nano-USD. Nothing was changed. */
  | { reason: "AMOUNT_OVERFLOW"; project: string; user: string }
  /** The server's queue is full. `bytesMax` is set if the queue also limits the bytes of the texts. */
  | { reason: "OVERLOADED"; operationsMax: number; bytesMax?: number; retryAfterMs: number }
  /** The requests in flight have reached the maximum number of bytes. Nothing was changed. */
  | { reason: "OVERLOADED"; requestBytesMax: number; retryAfterMs: number }
  /** The server asks for a key, and the call has none. */
  | { reason: "KEY_MISSING" }
  /** The key is malformed, unknown, expired or revoked. */
  | { reason: "KEY_INVALID" }
  /** The role of the key does not permit the method, or the key does not permit the project as a whole. */
  | { reason: "KEY_NOT_ALLOWED"; method: string }
  | { reason: "KEY_NOT_FOUND"; project: string; keyId: string }
  /** A limit of the key is reached, or too many invalid keys came from the caller's address. Nothing was changed. */
  | ({ reason: "RATE_EXCEEDED"; retryAfterMs: number } & RateLimit)
  /** The database failed, after retries. The operation may or may not have happened: retry with the same request id. */
  | { reason: "STORE_UNAVAILABLE"; retryAfterMs: number }
  /** The caller cancelled, or its deadline passed, before the operation joined a batch. Nothing was changed. */
  | { reason: "CANCELLED" }
  | { reason: "DEADLINE_EXCEEDED" }
  /** A defect in Purser. The cause is logged and never sent to a caller. */
  | { reason: "INTERNAL" };

/** The limit that a caller has reached. */
export type RateLimit =
  | { callsPerSecondMax: number }
  | { callsInFlightMax: number }
  | { invalidKeysMax: number };

/** Why a reservation was refused. */
export interface Refusal {
  project: string;
  /** The user of the budget that refused. */
  user: string;
  model: string;
  amountNanoUsd: bigint;
  /** The amount that remained in the refusing budget or limit. */
  remainingNanoUsd: bigint;
  /** The amount that remained in each budget: first the requested budget, then its ancestors. */
  levels: readonly { user: string; remainingNanoUsd: bigint }[];
  /**
   * The time until the next reset or the end of the next hold, whichever is earlier. Undefined if neither will happen.
   */
  retryAfterMs?: number | undefined;
  /**
   * Set if the refusing budget is above those that the caller may see. Then `user` is the highest that the caller may see,
   * and the remaining amount is hidden.
   */
  isAbove?: true;
}

/** Carries a BudgetError through code that throws. */
export class Failure extends Error {
  readonly error: BudgetError;

  constructor(error: BudgetError, options?: ErrorOptions) {
    super(describe(error), options);
    this.name = "Failure";
    this.error = error;
  }
}

/** The error that a caller gets for anything that was thrown. Anything but a Failure is a defect: its cause is only logged. */
export const errorOf = (thrown: unknown): BudgetError =>
  thrown instanceof Failure ? thrown.error : { reason: "INTERNAL" };

// A description may quote the request, and an error travels in HTTP headers, which peers limit to a few KB.
const DESCRIPTION_CHARACTERS_MAX = 400;

export const invalidField = (field: string, description: string): Failure =>
  new Failure({ reason: "INVALID_FIELD", field: field.toWellFormed(), description: shortened(description) });

/** No transport can send invalid Unicode, which a quoted request may contain and a cut inside a surrogate pair leaves. */
const shortened = (text: string): string =>
  text.length <= DESCRIPTION_CHARACTERS_MAX
    ? text.toWellFormed()
    : `${text.slice(0, DESCRIPTION_CHARACTERS_MAX).toWellFormed()}...`;

/** The error as one sentence for people. */
export function describe(error: BudgetError): string {
  switch (error.reason) {
    case "INVALID_FIELD":
      return `${error.field}: ${error.description}`;
    case "BUDGET_NOT_FOUND":
      return `no budget for user ${quote(error.user)} in project ${quote(error.project)}; CreateBudget creates one`;
    case "BUDGET_EXISTS":
      return `user ${quote(error.user)} in project ${quote(error.project)} has a budget that was created with other parameters; UpdateBudget changes it`;
    case "REQUEST_ID_REUSED":
      return `request_id ${quote(error.requestId)} was used before with another payload`;
    case "UNPRICED_MODEL":
      return `no price is known for model ${quote(error.model)}${error.nearest.length === 0 ? "" : `; nearest: ${error.nearest.join(", ")}`}`;
    case "RESERVATION_NOT_FOUND":
      return `no reservation ${quote(error.reservationId)} in project ${quote(error.project)}`;
    case "RESERVATION_CLOSED":
      return `reservation ${quote(error.reservationId)} has ended: ${error.state}`;
    case "CHARGE_NOT_FOUND":
      return `no charge with request_id ${quote(error.requestId)} in project ${quote(error.project)}`;
    case "REFUND_EXCEEDS_CHARGE":
      return `the charge with request_id ${quote(error.requestId)} has ${formatUsd(error.leftNanoUsd)} left to refund`;
    case "PARENT_NOT_FOUND":
      return `no budget for parent ${quote(error.parent)} in project ${quote(error.project)}`;
    case "PARENT_CYCLE":
      return `${quote(error.parent)} cannot be the parent of ${quote(error.user)}: it is the same budget or a descendant of it`;
    case "BUDGET_IN_USE":
      return `the budget of user ${quote(error.user)} in project ${quote(error.project)} has children or open reservations`;
    case "BUDGET_EXCEEDED":
      if (error.isAbove) return describeAbove(error);
      return `${formatUsd(error.amountNanoUsd)} does not fit the budget of user ${quote(error.user)}, which has ${formatUsd(error.remainingNanoUsd)} left`;
    case "MODEL_LIMIT_EXCEEDED":
      if (error.isAbove) return describeAbove(error);
      return `${formatUsd(error.amountNanoUsd)} does not fit the limit for ${error.limit} of user ${quote(error.user)}, which has ${formatUsd(error.remainingNanoUsd)} left`;
    case "PRICE_NOT_FOUND":
      return `project ${quote(error.project)} has set no price for model ${quote(error.model)}`;
    case "PRICES_FULL":
      return `project ${quote(error.project)} has ${error.pricesMax} prices, which is the maximum`;
    case "AMOUNT_OVERFLOW":
      return `the budget of user ${quote(error.user)} in project ${quote(error.project)} would leave the range of 64-bit nano-USD`;
    case "OVERLOADED":
      if ("requestBytesMax" in error) {
        return `requests of more than ${error.requestBytesMax} bytes are in flight; retry in ${error.retryAfterMs} ms`;
      }
      return error.bytesMax === undefined
        ? `${error.operationsMax} operations are queued; retry in ${error.retryAfterMs} ms`
        : `too many texts are waiting to be counted: the server queues at most ${error.operationsMax} texts and ${error.bytesMax} bytes, and one project at most as much as it leaves free; retry in ${error.retryAfterMs} ms`;
    case "KEY_MISSING":
      return "this server needs a key: send the header `authorization: Bearer pk_...`";
    case "KEY_INVALID":
      return "the key is malformed, unknown, expired or revoked";
    case "KEY_NOT_ALLOWED":
      return `the key does not permit ${error.method}`;
    case "KEY_NOT_FOUND":
      return `no key ${quote(error.keyId)} in project ${quote(error.project)}`;
    case "RATE_EXCEEDED":
      return `${describeRate(error)}; retry in ${error.retryAfterMs} ms`;
    case "STORE_UNAVAILABLE":
      return "the database is unavailable; retry with the same request_id";
    case "CANCELLED":
      return "cancelled before anything was changed";
    case "DEADLINE_EXCEEDED":
      return "the deadline passed before anything was changed";
    case "INTERNAL":
      return "internal error; the server's log has the cause";
    default: {
      const unreachable: never = error;
      return unreachable;
    }
  }
}

const quote = (name: string): string => JSON.stringify(name);

function describeRate(limit: RateLimit): string {
  if ("callsPerSecondMax" in limit) return `the key allows ${limit.callsPerSecondMax} calls per second`;
  if ("callsInFlightMax" in limit) return `the key allows ${limit.callsInFlightMax} calls in flight`;
  return `more than ${limit.invalidKeysMax} invalid keys came from this address`;
}

const describeAbove = ({ amountNanoUsd, user }: Refusal): string =>
  `${formatUsd(amountNanoUsd)} does not fit a budget above user ${quote(user)}`;
