import type { PurserClient, PurserKeyClient } from "./connect.ts";

/** The whole service in this process, on an embedded PostgreSQL, without a port. */
export interface LocalPurser extends AsyncDisposable {
  readonly client: PurserClient;
  /** For the keys and the audit log in the folder. */
  readonly keys: PurserKeyClient;
  /** Finishes the calls in progress. The store closes when the last client of its folder is disposed. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface LocalOptions {
  /** The folder of the budgets, or `memory://` to store nothing. Default: `./data`, as for a server. */
  dataDir?: string;
  /**
   * Makes the client act with this key's permissions. Default: the client has all permissions, because the folder is the
   * caller's own. The environment variable PURSER_KEY has no effect here, because it is the key of a server.
   */
  apiKey?: string;
}

/**
 * Opens the service in this process. All clients that open the same folder share one service. The server's code is only
 * loaded here, so that a client of a remote server stays small.
 *
 * @throws Error before Node.js 26, and if another process uses the folder. TypeError for a malformed key.
 */
export async function openLocal(options: LocalOptions = {}): Promise<LocalPurser> {
  if (!("Temporal" in globalThis)) {
    throw new Error(
      `a local Purser needs Node.js 26 or later, and this is ${process.version}; a client of a remote server does not`,
    );
  }
  const { startLocal } = await import("./local.ts");
  return startLocal(options);
}
