import { Failure } from "../../domain/errors.ts";
import type { Key } from "../../domain/key.ts";
import { type Bucket, createBucket } from "./bucket.ts";

/** How long a caller should wait that has too many calls in flight. It is unknown when one of them ends. */
const IN_FLIGHT_RETRY_MS = 100;

/** The limits of one key on this server, and what counts towards them. */
export interface KeyLimits {
  /** Begins a call. Disposing of the result ends it. @throws RATE_EXCEEDED */
  begin(): Disposable;
}

const UNLIMITED: Disposable = { [Symbol.dispose]: () => {} };
export const NO_LIMITS: KeyLimits = { begin: () => UNLIMITED };

/** @param key.callsPerSecondMax As many calls may begin at once. Undefined: no limit. */
export function createKeyLimits(
  key: Pick<Key, "callsPerSecondMax" | "callsInFlightMax">,
  nowMs: () => number,
): KeyLimits {
  const { callsPerSecondMax, callsInFlightMax } = key;
  if (callsPerSecondMax === undefined && callsInFlightMax === undefined) return NO_LIMITS;
  const bucket: Bucket | undefined =
    callsPerSecondMax === undefined
      ? undefined
      : createBucket({ perSecond: callsPerSecondMax, atOnce: callsPerSecondMax }, nowMs());
  let inFlight = 0;
  return {
    begin() {
      if (callsInFlightMax !== undefined && inFlight >= callsInFlightMax)
        throw new Failure({
          reason: "RATE_EXCEEDED",
          callsInFlightMax,
          retryAfterMs: IN_FLIGHT_RETRY_MS,
        });
      if (bucket !== undefined && callsPerSecondMax !== undefined && !bucket.take(nowMs()))
        throw new Failure({
          reason: "RATE_EXCEEDED",
          callsPerSecondMax,
          retryAfterMs: bucket.waitMs(nowMs()),
        });
      inFlight++;
      let hasEnded = false;
      return {
        [Symbol.dispose]() {
          if (!hasEnded) inFlight--;
          hasEnded = true;
        },
      };
    },
  };
}
