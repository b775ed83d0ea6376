import { Failure } from "../domain/errors.ts";

const RETRY_MS = 1000;
/** A request of more bytes than this is large. */
const LARGE_BYTES = 65_536;
/** The share of the bound that is left for requests that are not large, so that a flood of large ones does not refuse them. */
const SMALL_SHARE = 1 / 8;

/** Bounds the memory of all requests together, on all transports, from a request's first byte to its answer. */
export interface BytesInFlight {
  /** Opens a lease for one request. */
  open(): Lease;
}

/** Counts the bytes of one request. */
export interface Lease {
  /**
   * Counts more bytes. Large requests may take seven eighths of the bound.
   *
   * @throws OVERLOADED if the bytes would exceed the bound; they are then not counted.
   */
  take(bytes: number): void;
  /** Returns all bytes of the lease. Later calls of `take` and `release` have no effect. */
  release(): void;
}

export function createBytesInFlight(bytesMax: number): BytesInFlight {
  const account = { total: 0, bytesMax };
  return { open: () => new AccountLease(account) };
}

/** A class rather than a closure, because every request creates one. */
class AccountLease implements Lease {
  readonly #account: { total: number; readonly bytesMax: number };
  #bytes = 0;
  #isReleased = false;

  constructor(account: { total: number; readonly bytesMax: number }) {
    this.#account = account;
  }

  take(bytes: number): void {
    if (this.#isReleased) return;
    const { total, bytesMax } = this.#account;
    const isLarge = this.#bytes + bytes > LARGE_BYTES;
    if (total + bytes > (isLarge ? bytesMax * (1 - SMALL_SHARE) : bytesMax))
      throw new Failure({ reason: "OVERLOADED", requestBytesMax: bytesMax, retryAfterMs: RETRY_MS });
    this.#account.total += bytes;
    this.#bytes += bytes;
  }

  release(): void {
    if (!this.#isReleased) this.#account.total -= this.#bytes;
    this.#isReleased = true;
  }
}
