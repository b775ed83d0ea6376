import type { PurserClient } from "./connect.ts";

/** The whole service in this process, on an embedded PostgreSQL and without a port. */
export interface LocalPurser extends AsyncDisposable {
  readonly client: PurserClient;
  /** Finishes the calls that have begun. The store closes with the last one who has opened its folder. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface LocalOptions {
  /** The folder to keep budgets in, or `memory://` to keep nothing. Default: `./data`, as a server's. */
  dataDir?: string;
}

/**
 * Opens the service in this process. Everybody in it who opens the same folder shares one. The server's code is loaded only
 * here, so that a client of a remote server stays light.
 *
 * @throws Error before Node.js 26, and where another process has the folder.
 */
export async function openLocal(options: LocalOptions = {}): Promise<LocalPurser> {
  if (!("Temporal" in globalThis)) {
    throw new Error(
      `a local Purser needs Node.js 26 or later, and this is ${process.version}; a client of a server does not`,
    );
  }
  const { startLocal } = await import("./local.ts");
  return startLocal(options);
}
