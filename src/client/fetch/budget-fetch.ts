import type { PurserClient } from "../connect.ts";
import { PurserUnavailableError } from "../errors.ts";
import type { FetchInput } from "./body.ts";
import { type Account, openHold } from "./hold.ts";
import { type FetchOptions, withDefaults } from "./options.ts";
import { type Payment, pay } from "./payment.ts";
import { createChargeQueue } from "./queue.ts";
import { readRequest } from "./request.ts";
import { refuse } from "./response.ts";

export interface BudgetFetchOptions extends FetchOptions {
  project: string;
  user: string;
}

/** A fetch that charges calls to models to a budget. */
export interface BudgetFetch extends AsyncDisposable {
  (input: FetchInput, init?: RequestInit): Promise<Response>;
  /**
   * Waits for the charges in progress and retries those that wait for Purser. Throws PurserUnavailableError if some
   * still wait. A program that ends without it may lose these charges. Disposing does the same.
   */
  flush(): Promise<void>;
}

/**
 * A `fetch` for the SDKs of OpenAI and Anthropic, and for any other code that accepts a fetch. It holds the maximum
 * cost of a call before it sends the call, reads the usage from the answer, and charges it. Requests that do not call a
 * model pass unchanged.
 *
 * Throws BudgetExceededError if the maximum cost does not fit the budget, PurserUnavailableError if Purser does not
 * answer, and Purser's ConnectError for any other refusal, such as a missing budget or a model without a price.
 */
export const budgetFetch = (
  client: PurserClient,
  { project, user, ...options }: BudgetFetchOptions,
): BudgetFetch => createBudgetFetch({ account: async () => ({ client, project, user }) }, options);

/** Provides the budget that a fetch charges. */
export interface Payer {
  /** Called before every call. */
  account(): Promise<Account>;
  /** Called when the fetch is disposed of, after its last charge. */
  close?(): Promise<void>;
}

export function createBudgetFetch(payer: Payer, options: FetchOptions): BudgetFetch {
  const settings = withDefaults(options);
  const queue = createChargeQueue({ waitingMax: settings.queueMax, onLost: settings.onLost });

  /** Reads a request and holds its maximum cost. */
  const prepare = async (
    input: FetchInput,
    given: RequestInit | undefined,
    signal: AbortSignal | undefined,
  ): Promise<{ init: RequestInit | undefined; payment: Payment | undefined }> => {
    const { call, init } = await readRequest(input, given, settings);
    if (call === undefined) return { init, payment: undefined };
    if (queue.isFull)
      throw new PurserUnavailableError(`${settings.queueMax} charges are already waiting for Purser`);
    const account = await payer.account();
    const hold = await openHold(account, call, settings, signal);
    // Purser has counted the prompt for the hold, so the charge does not have to send it again.
    const estimate = hold.reserved === undefined ? call.estimate : undefined;
    const made = { account, hold, model: call.model, estimate };
    return { init, payment: { made, call, settings, queue, signal } };
  };

  const fetch = async (input: FetchInput, given?: RequestInit): Promise<Response> => {
    const request = input instanceof Request ? input : undefined;
    const signal = given?.signal ?? request?.signal;
    signal?.throwIfAborted();
    let prepared: Awaited<ReturnType<typeof prepare>>;
    try {
      prepared = await prepare(input, given, signal);
    } catch (error) {
      if (signal?.aborted === true || !(error instanceof Error)) throw error;
      return refuse(error, new Headers(given?.headers ?? request?.headers));
    }
    const { payment, init } = prepared;
    const send = (): Promise<Response> => settings.fetch(input, init);
    return payment === undefined ? send() : pay(payment, send);
  };

  return Object.assign(fetch, {
    flush: () => queue.flush(),
    async [Symbol.asyncDispose]() {
      try {
        await queue.flush();
      } finally {
        queue.stop();
        await payer.close?.();
      }
    },
  });
}
