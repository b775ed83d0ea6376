import pg from "pg";
import { parse, toClientConfig } from "pg-connection-string";
import { type HostTarget, readDatabaseUrl } from "../config/database-url.ts";

/** The hosts of DATABASE_URL, and which of them new connections go to. */

export const CONNECT_TIMEOUT_MS = 5_000;

/** A host did not answer, or is not what target_session_attrs asks for. The cause has the reason. */
export class HostFailed extends Error {
  override name = "HostFailed";

  constructor(host: string, cause: unknown) {
    const { message, code } = cause as { message?: string; code?: string };
    super(`${host}: ${message === undefined || message === "" ? code : message}`, { cause });
  }
}

/** The failure of a host in an error of the pool, which wraps it when the host has not answered in time. */
export function hostFailureIn(error: unknown): HostFailed | undefined {
  if (error instanceof HostFailed) return error;
  const { cause } = error as { cause?: unknown };
  if (!(cause instanceof HostFailed)) return undefined;
  return new HostFailed(cause.message.slice(0, cause.message.indexOf(": ")), error);
}

/** PostgreSQL's code for a statement that writes in a transaction that may not. */
const READ_ONLY = "25006";

/**
 * New connections go to the host that was used last. When it fails, the next host of the URL is tried, and after the last one the
 * first. When a host turns out to be read-only, as after a failover, the connections that were opened before are not used again.
 */
export interface Hosts {
  /** Hosts, ports and database, without the user and the password. */
  readonly name: string;
  readonly count: number;
  /** A client that connects to the current host. It is a class, because the pool creates its clients itself. */
  readonly Client: new (
    options?: pg.ClientConfig,
  ) => pg.Client;
  /** Checks that the host of a new connection can be used. @throws HostFailed */
  check(client: pg.ClientBase): Promise<void>;
  /** Whether a connection must no longer be used, because its host has become read-only since. */
  isDropped(client: pg.ClientBase): boolean;
  /** Reports the error of a statement. If its host has become read-only, its connections are dropped. */
  statementFailed(client: pg.ClientBase, error: unknown): void;
  /** Drops all connections, because the current host has become read-only. */
  drop(): void;
  /** Calls `listener` when connections are dropped. */
  onDropped(listener: () => void): Disposable;
}

/** @throws Error when the text is no URL that Purser can use, or names a file that cannot be read */
export function createHosts(url: string): Hosts {
  const read = readDatabaseUrl(url);
  if (typeof read !== "object")
    throw new Error(`the URL of the database must be ${read ?? "one of PostgreSQL"}`);
  const { target, name } = read;
  const hosts = read.hosts.map((host) => ({ name: host.name, readConfig: configReader(host.url) }));
  const opened = new WeakMap<pg.ClientBase, { host: number; generation: number }>();
  const listeners = new Set<() => void>();
  let current = 0;
  // Increases when the open connections must no longer be used.
  let generation = 0;

  /** Several connections may fail at once. Only the first one moves on. */
  const leave = (host: number): void => {
    if (host === current) current = (host + 1) % hosts.length;
  };
  const failed = (host: number, error: unknown): HostFailed => {
    leave(host);
    return new HostFailed(hosts[host]?.name ?? "", error);
  };
  const isDropped = (client: pg.ClientBase): boolean =>
    (opened.get(client)?.generation ?? generation) !== generation;
  const drop = (): void => {
    generation++;
    leave(current);
    for (const listener of listeners) listener();
  };

  class HostClient extends pg.Client {
    readonly #host = current;

    constructor(options?: pg.ClientConfig) {
      super({ ...options, ...hosts[current]?.readConfig() });
      opened.set(this, { host: this.#host, generation });
    }

    override connect(): Promise<pg.Client>;
    override connect(callback: (error: Error | null) => void): void;
    override connect(callback?: (error: never) => void): Promise<pg.Client> | void {
      if (callback === undefined) {
        return super.connect().catch((error: unknown) => {
          throw failed(this.#host, error);
        });
      }
      super.connect((error: Error | null) =>
        callback((error instanceof Error ? failed(this.#host, error) : error) as never),
      );
    }
  }

  return {
    name,
    count: hosts.length,
    Client: HostClient,
    async check(client) {
      if (target === "any") return;
      const fault = await faultOf(client, target);
      if (fault !== undefined) throw failed(opened.get(client)?.host ?? current, fault);
    },
    isDropped,
    statementFailed(client, error) {
      if ((error as { code?: unknown } | null)?.code === READ_ONLY && !isDropped(client)) drop();
    },
    drop,
    onDropped(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
}

/** Why the host of a connection cannot be used, if it cannot. */
async function faultOf(client: pg.ClientBase, target: HostTarget): Promise<unknown> {
  try {
    const { standby, read_only } = await readState(client);
    if (standby) return new Error("is a standby");
    return read_only && target === "writable" ? new Error("is read-only") : undefined;
  } catch (error) {
    return error;
  }
}

async function readState(client: pg.ClientBase): Promise<{ standby: boolean; read_only: boolean }> {
  const query = {
    text: "select pg_is_in_recovery() as standby, current_setting('transaction_read_only')::boolean as read_only",
    query_timeout: CONNECT_TIMEOUT_MS,
  };
  const { rows } = await client.query<{ standby: boolean; read_only: boolean }>(query);
  return rows[0] ?? { standby: false, read_only: false };
}

/**
 * Reads a URL for each new connection, because the files that it names may be replaced. If they cannot be read at that moment, the
 * last ones are used: an error would be thrown inside of the pool.
 *
 * `sslmode` means what it means for libpq. pg has another meaning, and a warning, unless it is told so.
 */
function configReader(url: string): () => pg.ClientConfig {
  const { searchParams } = new URL(url);
  const useLibpqCompat = !searchParams.has("uselibpqcompat") && searchParams.get("sslmode") !== "no-verify";
  const read = (): pg.ClientConfig => toClientConfig(parse(url, { useLibpqCompat }));
  let last = read();
  return () => {
    try {
      last = read();
    } catch {
      // The last one is still good.
    }
    return last;
  };
}
