import type { ConnectError } from "@connectrpc/connect";
import { RetryInfoSchema } from "../../gen/es/google/rpc/error_details_pb.ts";
import { backoffMs } from "../domain/backoff.ts";

/**
 * The delay before a retry that an error asks for, in milliseconds, rounded up: a call that comes a fraction of a
 * millisecond too early is refused again. Undefined if the error asks for no delay.
 */
export function retryDelayMs(error: ConnectError): number | undefined {
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  if (delay === undefined) return undefined;
  return Math.max(0, Number(delay.seconds) * 1000 + Math.ceil(delay.nanos / 1_000_000));
}

/**
 * The pause before a retry, in milliseconds: the randomized backoff, or the delay that the error asks for if that is
 * longer.
 *
 * @param attempt The number of attempts that failed before this one.
 */
export const delayBeforeRetryMs = (
  error: ConnectError,
  attempt: number,
  backoff: { firstMs: number; longestMs: number },
): number => Math.max(backoffMs(attempt, backoff, Math.random()), retryDelayMs(error) ?? 0);
