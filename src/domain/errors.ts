import { formatUsd } from "./money.ts";

/**
 * What can go wrong, as values. Nothing here knows of gRPC or HTTP: `server/status.ts` maps a reason to a
 * code, and nowhere else does.
 */
export type BudgetError =
  /** A request field is missing, malformed or out of range. `field` is its path in the proto, as in `period.count`. */
  | { reason: "INVALID_FIELD"; field: string; description: string }
  | { reason: "BUDGET_NOT_FOUND"; project: string; user: string }
  /** CreateBudget with a name that is taken by a budget created with other parameters. */
  | { reason: "BUDGET_EXISTS"; project: string; user: string }
  /** The request id was used before, with another payload. */
  | { reason: "REQUEST_ID_REUSED"; project: string; requestId: string }
  | { reason: "RESERVATION_NOT_FOUND"; project: string; reservationId: string }
  | { reason: "RESERVATION_CLOSED"; project: string; reservationId: string; state: string }
  | { reason: "PARENT_NOT_FOUND"; project: string; parent: string }
  | { reason: "PARENT_CYCLE"; project: string; user: string; parent: string }
  /** No charge has this request id, or its budget was deleted since. */
  | { reason: "CHARGE_NOT_FOUND"; project: string; requestId: string }
  /** A refund is more than what is left of its charge after earlier refunds. */
  | { reason: "REFUND_EXCEEDS_CHARGE"; project: string; requestId: string; leftNanoUsd: bigint }
  /** The budget has children, or open reservations. */
  | { reason: "BUDGET_IN_USE"; project: string; user: string }
  /** A reservation does not fit the budget of `user`, which is the one asked for or an ancestor of it. */
  | ({ reason: "BUDGET_EXCEEDED" } & Refusal)
  /** A reservation does not fit the limit that the budget of `user` has for models like `limit`. */
  | ({ reason: "MODEL_LIMIT_EXCEEDED"; limit: string } & Refusal)
  | { reason: "PRICE_NOT_FOUND"; project: string; model: string }
  /** The project has set as many prices as it may. */
  | { reason: "PRICES_FULL"; project: string; pricesMax: number }
  /** No price is known for the model; `nearest` are up to three known names that look like it. */
  | { reason: "UNPRICED_MODEL"; model: string; nearest: readonly string[] }
  /** A sum left the range of a signed 64-bit integer of nano-USD. Nothing was changed. */
  | { reason: "AMOUNT_OVERFLOW"; project: string; user: string }
  /** The server has more work queued than it may hold. `bytesMax` is there where it also counts the bytes of texts. */
  | { reason: "OVERLOADED"; operationsMax: number; bytesMax?: number; retryAfterMs: number }
  /** The server is receiving more bytes of requests than it may hold. Nothing was changed. */
  | { reason: "OVERLOADED"; requestBytesMax: number; retryAfterMs: number }
  /** The database did not do what it was asked, after retries. What was asked may or may not have happened: retry with the same request id. */
  | { reason: "STORE_UNAVAILABLE"; retryAfterMs: number }
  /** The caller went away, or its deadline passed, before the operation joined a batch. Nothing was changed. */
  | { reason: "CANCELLED" }
  | { reason: "DEADLINE_EXCEEDED" }
  /** A defect of the server. The cause is logged, and never told to a caller. */
  | { reason: "INTERNAL" };

/** Why a reservation was refused. */
export interface Refusal {
  project: string;
  /** Whose budget refused. */
  user: string;
  model: string;
  amountNanoUsd: bigint;
  /** What the refusing budget, or limit, had left. */
  remainingNanoUsd: bigint;
  /** What each budget had left, the one asked for first, then its ancestors. */
  levels: readonly { user: string; remainingNanoUsd: bigint }[];
  /** Until the earlier of the next reset and the end of the next hold. Undefined where neither will come. */
  retryAfterMs?: number | undefined;
}

/** Carries a BudgetError up through code that throws. */
export class Failure extends Error {
  readonly error: BudgetError;

  constructor(error: BudgetError, options?: ErrorOptions) {
    super(describe(error), options);
    this.name = "Failure";
    this.error = error;
  }
}

/** What a caller is told about anything that was thrown. What is no Failure is a defect, whose cause is for the log alone. */
export const errorOf = (thrown: unknown): BudgetError =>
  thrown instanceof Failure ? thrown.error : { reason: "INTERNAL" };

// A description may quote what was sent, and an error travels in HTTP headers, which peers limit to a few KB.
const DESCRIPTION_CHARACTERS_MAX = 400;

export const invalidField = (field: string, description: string): Failure =>
  new Failure({ reason: "INVALID_FIELD", field, description: shortened(description) });

const shortened = (text: string): string =>
  text.length <= DESCRIPTION_CHARACTERS_MAX
    ? text
    : // Cut in the middle of a character, it would not be Unicode, and could not be sent.
      `${text.slice(0, DESCRIPTION_CHARACTERS_MAX).toWellFormed()}...`;

/** One sentence for a person. */
export function describe(error: BudgetError): string {
  switch (error.reason) {
    case "INVALID_FIELD":
      return `${error.field}: ${error.description}`;
    case "BUDGET_NOT_FOUND":
      return `no budget for user ${quote(error.user)} in project ${quote(error.project)}; CreateBudget makes one`;
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
      return `${quote(error.parent)} is ${quote(error.user)} or below it, and cannot be its parent`;
    case "BUDGET_IN_USE":
      return `the budget of user ${quote(error.user)} in project ${quote(error.project)} has children or open reservations`;
    case "BUDGET_EXCEEDED":
      return `${formatUsd(error.amountNanoUsd)} does not fit the budget of user ${quote(error.user)}, which has ${formatUsd(error.remainingNanoUsd)} left`;
    case "MODEL_LIMIT_EXCEEDED":
      return `${formatUsd(error.amountNanoUsd)} does not fit the limit for ${error.limit} of user ${quote(error.user)}, which has ${formatUsd(error.remainingNanoUsd)} left`;
    case "PRICE_NOT_FOUND":
      return `project ${quote(error.project)} has set no price for model ${quote(error.model)}`;
    case "PRICES_FULL":
      return `project ${quote(error.project)} has ${error.pricesMax} prices, as many as it may`;
    case "AMOUNT_OVERFLOW":
      return `the budget of user ${quote(error.user)} in project ${quote(error.project)} would leave the range of 64-bit nano-USD`;
    case "OVERLOADED":
      if ("requestBytesMax" in error) {
        return `requests of more than ${error.requestBytesMax} bytes are in flight; retry in ${error.retryAfterMs} ms`;
      }
      return error.bytesMax === undefined
        ? `${error.operationsMax} operations are queued; retry in ${error.retryAfterMs} ms`
        : `too many texts wait to be counted: the server holds ${error.operationsMax} and ${error.bytesMax} bytes of text, and a project as much as it leaves free; retry in ${error.retryAfterMs} ms`;
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
