import { Failure } from "../domain/errors.ts";

const RETRY_MS = 1000;

/** Bounds the memory that requests take together, over all transports, from their first byte until they are answered. */
export interface BytesInFlight {
  /** Opens the account of one request. */
  open(): Lease;
}

/** The bytes of one request. */
export interface Lease {
  /** @throws OVERLOADED where all requests would have more than the bound. The bytes are not counted then. */
  take(bytes: number): void;
  /** Gives all of them back, once; nothing counts afterwards. */
  release(): void;
}

export function createBytesInFlight(bytesMax: number): BytesInFlight {
  let total = 0;
  return {
    open() {
      let mine = 0;
      let isReleased = false;
      return {
        take(bytes) {
          if (isReleased) return;
          if (total + bytes > bytesMax)
            throw new Failure({ reason: "OVERLOADED", requestBytesMax: bytesMax, retryAfterMs: RETRY_MS });
          total += bytes;
          mine += bytes;
        },
        release() {
          if (!isReleased) total -= mine;
          isReleased = true;
        },
      };
    },
  };
}
