import { BASE_URLS, checkUrl, createPurserClient, type PurserClient } from "./connect.ts";
import { type LocalPurser, openLocal } from "./open-local.ts";
import { asPurserError } from "./purser-error.ts";
import { whileUnavailable } from "./retry.ts";

export interface BudgetManagerOptions {
  /**
   * `local`: the whole service in this process, with its data in `dataDir`. `hosted`: the server at `apiBase`. Default:
   * `hosted` where `apiBase` is given, else `local`.
   */
  clientType?: "local" | "hosted";
  /** Of `hosted`: the server's HTTP address. Default: http://127.0.0.1:8080. */
  apiBase?: string;
  /** Of `hosted`: headers of every call. */
  headers?: Readonly<Record<string, string>>;
  /** Of `local`: the folder to keep budgets in, or `memory://` to keep nothing. Default: `./data`, as a server's. */
  dataDir?: string;
  /** A client that was made already, in the place of all of these: of `createPurserClient` or `openLocal`. */
  client?: PurserClient;
  /** How long a call is made again while Purser is unavailable, in milliseconds. 0: it is not. Default: 10,000. */
  retryMsMax?: number;
}

const RETRY_MS_MAX = 10_000;

/** A client that is there when it is needed. */
export interface Connection {
  /**
   * Makes a call, again while Purser is unavailable: it must be one that may happen twice and mean the same.
   *
   * @param requestId Of the call, for the error.
   * @throws PurserError
   */
  call<T>(call: (client: PurserClient) => Promise<T>, requestId?: string): Promise<T>;
  close(): Promise<void>;
}

/** @throws TypeError for options that do not go together */
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
  const { client, apiBase, headers, dataDir } = options;
  const clientType = options.clientType ?? (apiBase === undefined ? "local" : "hosted");
  if (client !== undefined) {
    refuse(options, ["clientType", "apiBase", "headers", "dataDir"], "client");
    return always(client);
  }
  switch (clientType) {
    case "hosted":
      refuse(options, ["dataDir"], 'clientType "hosted"');
      return always(
        createPurserClient({ baseUrl: checkUrl("apiBase", apiBase ?? BASE_URLS.connect), headers }),
      );
    case "local":
      refuse(options, ["apiBase", "headers"], 'clientType "local"');
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
  if (name !== undefined) throw new TypeError(`${name}: does not go with ${beside}`);
}

const always = (client: PurserClient): Source => ({ client: async () => client, close: async () => {} });

/** Opened with the first call; a start that failed is tried again with the next. */
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
