import { Code, ConnectError } from "@connectrpc/connect";
import { backoffMs } from "../domain/backoff.ts";
import { retryDelayMs } from "./retry-delay.ts";

const PAUSE = { firstMs: 50, longestMs: 2_000 };

/** Unavailable: the server says so, or cannot be reached. Aborted: the connection was lost while the call was under way. */
const PASSING: readonly Code[] = [Code.Unavailable, Code.Aborted];

/**
 * Makes a call again while the server is unavailable, with pauses that double and are spread by chance; a longer pause that
 * the server asks for is kept. Only for calls that may happen twice and mean the same: with a request id, or without effect.
 *
 * @param retryMsMax How long to go on, in milliseconds. Then the last error is thrown.
 */
export async function whileUnavailable<T>(call: () => Promise<T>, retryMsMax: number): Promise<T> {
  const startedMs = performance.now();
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ConnectError) || !PASSING.includes(error.code)) throw error;
      const waitMs = Math.max(backoffMs(attempt, PAUSE, Math.random()), retryDelayMs(error) ?? 0);
      if (performance.now() - startedMs + waitMs > retryMsMax) throw error;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}
