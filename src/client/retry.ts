import { Code, ConnectError } from "@connectrpc/connect";
import { retryDelayMs } from "./retry-delay.ts";

const PAUSE_FIRST_MS = 50;
const PAUSE_LONGEST_MS = 2_000;

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
  for (let pauseMs = PAUSE_FIRST_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_LONGEST_MS)) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ConnectError) || !PASSING.includes(error.code)) throw error;
      const waitMs = Math.max(pauseMs * (0.5 + Math.random() / 2), retryDelayMs(error) ?? 0);
      if (performance.now() - startedMs + waitMs > retryMsMax) throw error;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}
