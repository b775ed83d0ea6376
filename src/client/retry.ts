import { Code, ConnectError } from "@connectrpc/connect";
import { isRateExceeded } from "./errors.ts";
import { delayBeforeRetryMs } from "./retry-delay.ts";

const PAUSE = { firstMs: 50, longestMs: 2_000 };

/** Unavailable: the server reports it, or cannot be reached. Aborted: the connection was lost during the call. */
const PASSING: readonly Code[] = [Code.Unavailable, Code.Aborted];

/** Whether the same call may succeed later. */
const mayPass = (error: ConnectError): boolean => PASSING.includes(error.code) || isRateExceeded(error);

/**
 * Retries a call while the server is unavailable, or a limit of the key is reached. The pauses double and are randomized; a longer delay that the server
 * asks for is respected. The call must be safe to repeat: it has a request id, or no effect.
 *
 * @param retryMsMax How long to retry, in milliseconds. After that, the last error is thrown.
 */
export async function whileUnavailable<T>(call: () => Promise<T>, retryMsMax: number): Promise<T> {
  const startedMs = performance.now();
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ConnectError) || !mayPass(error)) throw error;
      const waitMs = delayBeforeRetryMs(error, attempt, PAUSE);
      if (performance.now() - startedMs + waitMs > retryMsMax) throw error;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}
