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
  const account = { total: 0, bytesMax };
  return { open: () => new AccountLease(account) };
}

/** A class, since every request makes one. */
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
    if (total + bytes > bytesMax)
      throw new Failure({ reason: "OVERLOADED", requestBytesMax: bytesMax, retryAfterMs: RETRY_MS });
    this.#account.total += bytes;
    this.#bytes += bytes;
  }

  release(): void {
    if (!this.#isReleased) this.#account.total -= this.#bytes;
    this.#isReleased = true;
  }
}
