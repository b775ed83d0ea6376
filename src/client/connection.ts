import { BASE_URLS, checkUrl, createPurserClient, type PurserClient } from "./connect.ts";
import { type LocalPurser, openLocal } from "./open-local.ts";
import { asPurserError } from "./purser-error.ts";
import { whileUnavailable } from "./retry.ts";

export interface BudgetManagerOptions {
  /**
   * `local` runs the whole service in this process, with its data in `dataDir`. `hosted` uses the server at `apiBase`.
   * Default: `hosted` if `apiBase` is given, else `local`.
   */
  clientType?: "local" | "hosted";
  /** Only with `hosted`: the server's HTTP address. Default: http://127.0.0.1:8080. */
  apiBase?: string;
  /**
   * Only with `hosted`: the key, such as `pk_...`. Default: the environment variable PURSER_KEY, unless `headers` contain
   * `authorization`.
   */
  apiKey?: string;
  /** Only with `hosted`: headers of every call. */
  headers?: Readonly<Record<string, string>>;
  /**
   * Only with `local`: the folder of the budgets, or `memory://` to store nothing. Default: `./data`, as for a server.
   */
  dataDir?: string;
  /** An existing client of `createPurserClient` or `openLocal`. It replaces all options above. */
  client?: PurserClient;
  /** How long a call is retried while Purser is unavailable, in milliseconds. 0: no retries. Default: 10,000. */
  retryMsMax?: number;
}

const RETRY_MS_MAX = 10_000;

/** Calls a Purser, which is opened or connected when it is first needed. */
export interface Connection {
  /**
   * Makes a call and retries it while Purser is unavailable. So the call must be safe to repeat.
   *
   * @param requestId The request id of the call, for the error.
   * @throws PurserError
   */
  call<T>(call: (client: PurserClient) => Promise<T>, requestId?: string): Promise<T>;
  close(): Promise<void>;
}

/** @throws TypeError for options that contradict each other */
export function connectionOf(options: BudgetManagerOptions): Connection {
  const { retryMsMax = RETRY_MS_MAX } = options;
  const source = sourceOf(options);
  let isClosed = false;
  return {
    async call(call, requestId) {
      if (isClosed) throw new Error("the BudgetManager is closed");
      const client = await source.client();
      try {
        return await whileUnavailable(() => call(client), retryMsMax);
      } catch (error) {
        throw asPurserError(error, requestId);
      }
    },
    async close() {
      isClosed = true;
      await source.close();
    },
  };
}

interface Source {
  client(): Promise<PurserClient>;
  close(): Promise<void>;
}

function sourceOf(options: BudgetManagerOptions): Source {
  const { client, apiBase, apiKey, headers, dataDir } = options;
  const clientType = options.clientType ?? (apiBase === undefined ? "local" : "hosted");
  if (client !== undefined) {
    refuse(options, ["clientType", "apiBase", "apiKey", "headers", "dataDir"], "client");
    return always(client);
  }
  switch (clientType) {
    case "hosted":
      refuse(options, ["dataDir"], 'clientType "hosted"');
      return always(
        createPurserClient({ baseUrl: checkUrl("apiBase", apiBase ?? BASE_URLS.connect), apiKey, headers }),
      );
    case "local":
      refuse(options, ["apiBase", "apiKey", "headers"], 'clientType "local"');
      return local(dataDir);
    default: {
      const unreachable: never = clientType;
      throw new TypeError(`clientType: must be "local" or "hosted", not ${JSON.stringify(unreachable)}`);
    }
  }
}

function refuse(
  options: BudgetManagerOptions,
  names: readonly (keyof BudgetManagerOptions)[],
  beside: string,
): void {
  const name = names.find((each) => options[each] !== undefined);
  if (name !== undefined) throw new TypeError(`${name}: cannot be used with ${beside}`);
}

const always = (client: PurserClient): Source => ({ client: async () => client, close: async () => {} });

/** Opens the service at the first call. If that fails, the next call tries again. */
function local(dataDir: string | undefined): Source {
  let opening: Promise<LocalPurser> | undefined;
  return {
    async client() {
      const mine = (opening ??= openLocal({ dataDir }));
      try {
        return (await mine).client;
      } catch (error) {
        if (opening === mine) opening = undefined;
        throw error;
      }
    },
    async close() {
      const opened = await opening?.catch(() => undefined);
      await opened?.[Symbol.asyncDispose]();
    },
  };
}
