import { setImmediate as nextTurn } from "node:timers/promises";
import { PGlite } from "@electric-sql/pglite";
import { type Driver, Kysely, type LogEvent, PGliteDialect, PostgresDialect } from "kysely";
import pg from "pg";
import { explainOpening, prepareDataFolder } from "./data-folder.ts";
import { lockFolder } from "./folder-lock.ts";
import { CONNECT_TIMEOUT_MS, createHosts, type Hosts } from "./hosts.ts";
import { listen } from "./notifications.ts";
import type { Schema } from "./schema.ts";
import { type TimeLimits, withTimeLimits } from "./sessions.ts";
import { parseTimestamp } from "./timestamps.ts";

/** An open database, and its properties. */
export interface Database extends AsyncDisposable {
  /** Every statement has a time limit. */
  readonly kysely: Kysely<Schema>;
  /** The same database without time limits, for migrations. */
  readonly unlimited: Kysely<Schema>;
  /** The same database. A statement of its transactions that waits for a lock for `lockMs` fails with 55P03. */
  withLockTimeout(lockMs: number): Kysely<Schema>;
  /** The kind and place of the database, without passwords. Printed at start-up. */
  readonly name: string;
  /** Which failures an acknowledged write survives. Printed at start-up. */
  readonly durability: string;
  /** Whether several servers may use it at the same time. */
  readonly isShared: boolean;
  /** Called when the database turns out to be read-only. New connections may find another host that is not. */
  foundReadOnly(): void;
  /** Calls `onPayload` with the payloads that servers send by `notify`. */
  listen(onPayload: (payload: string) => void): AsyncDisposable;
}

/** Called with the text of each statement, without its values. */
export type OnStatement = (text: string) => void;

const logTo = (onStatement: OnStatement | undefined) =>
  onStatement === undefined ? {} : { log: (event: LogEvent) => onStatement(event.query.sql) };

type TypeId = Parameters<typeof pg.types.getTypeParser>[0];

const INT8 = 20;
const TIMESTAMPTZ = 1184;
const parsers: Record<number, (text: string) => unknown> = {
  [INT8]: BigInt,
  [TIMESTAMPTZ]: parseTimestamp,
};

/**
 * A transaction may be idle for the time limit of a statement and this margin. Then Purser's process is frozen or gone, and
 * PostgreSQL ends the transaction.
 */
const IDLE_MARGIN_MS = 1_000;

/**
 * Opens a pool of connections to PostgreSQL. It works through PgBouncer in transaction mode: the only session state that it
 * needs is DateStyle, which PgBouncer keeps for each client.
 *
 * @param options.timeoutMs How long a statement may take. Then its connection is closed.
 * @param options.onIdleError Called when an idle connection is lost.
 */
export function openPostgres(options: {
  url: string;
  connectionsMax: number;
  timeoutMs: number;
  onIdleError: (error: Error) => void;
  onStatement?: OnStatement;
}): Database {
  const hosts = createHosts(options.url);
  const pool = new pg.Pool({
    Client: hosts.Client,
    max: options.connectionsMax,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: "purser",
    // pg awaits the promise, though its types say void.
    onConnect: ((client: pg.Client) => prepare(client, hosts)) as unknown as (client: pg.ClientBase) => void,
    // The parsers are set for this pool only, so that they do not affect other users of pg in the same process.
    types: {
      getTypeParser: ((oid: TypeId, format?: "text" | "binary") =>
        parsers[oid] ?? pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
    },
  });
  // When the server closes an idle connection, the pool opens another one, so it is only reported.
  pool.on("error", (error) => {
    // A pool that is closed does not wait until its connections are. What happens to them then is no loss.
    if (!pool.ending) options.onIdleError(error);
  });
  // When a connection in use is lost, its statement fails, and the caller handles that. Without a listener, the event would end
  // the process.
  pool.on("connect", (client) => client.on("error", () => {}));
  const logging = logTo(options.onStatement);
  const open = (limits: Omit<TimeLimits, "idleMs">): Kysely<Schema> => {
    const limited = withTimeLimits(pool, hosts, { ...limits, idleMs: options.timeoutMs + IDLE_MARGIN_MS });
    return new Kysely<Schema>({ dialect: new PostgresDialect({ pool: limited }), ...logging });
  };
  // The code uses only a few different lock timeouts, so this map stays small.
  const byLockMs = new Map<number, Kysely<Schema>>();
  return {
    kysely: open({ answerMs: options.timeoutMs }),
    unlimited: open({}),
    withLockTimeout: (lockMs) =>
      byLockMs.getOrInsertComputed(lockMs, () => open({ answerMs: options.timeoutMs, lockMs })),
    name: `PostgreSQL at ${hosts.name}`,
    durability: "an acknowledged write survives what a commit of that server survives (fsync, replicas)",
    isShared: true,
    foundReadOnly: () => hosts.drop(),
    listen: (onPayload) => listen(hosts, onPayload),
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

/** Prepares a new connection. @throws HostFailed when its host cannot be used */
async function prepare(client: pg.Client, hosts: Hosts): Promise<void> {
  // The parsers read ISO dates, but the role or the database may have another style.
  await client.query("set DateStyle = 'ISO'");
  await hosts.check(client);
}

const SURVIVES_PROCESS =
  "an acknowledged write survives the death of this process; a power cut can lose the latest writes (set DATABASE_URL to prevent that)";

/**
 * Opens an embedded PostgreSQL, which runs inside this process. Only one process at a time may use its folder.
 *
 * @throws FolderLockedError when another process uses the folder, DataFolderError when the folder cannot be used.
 */
export async function openEmbedded(options: {
  folder: string;
  onStatement?: OnStatement;
}): Promise<Database> {
  const files = await prepareDataFolder(options.folder);
  const lock = lockFolder(options.folder);
  try {
    const pglite = await PGlite.create(files, { parsers });
    const database = embedded(pglite, options.onStatement);
    return {
      ...database,
      name: `embedded PostgreSQL in ${options.folder}`,
      durability: SURVIVES_PROCESS,
      async [Symbol.asyncDispose]() {
        await database[Symbol.asyncDispose]();
        lock[Symbol.dispose]();
      },
    };
  } catch (error) {
    lock[Symbol.dispose]();
    throw await explainOpening(options.folder, error);
  }
}

/** Opens an embedded PostgreSQL that keeps its data in memory only, for tests and trials. */
export async function openInMemory(): Promise<Database> {
  return {
    ...embedded(await PGlite.create("memory://", { parsers })),
    name: "embedded PostgreSQL in memory",
    durability: "nothing survives this process",
  };
}

/**
 * PGlite runs statements on this thread, and its promises never wait for the event loop. So a caller that runs one statement
 * after the other would keep the process from reading and answering any other call. Each use of the database begins in a new
 * turn of the event loop instead.
 */
class EmbeddedDialect extends PGliteDialect {
  override createDriver(): Driver {
    const driver = super.createDriver();
    const acquire = driver.acquireConnection.bind(driver);
    driver.acquireConnection = async (options) => {
      const connection = await acquire(options);
      await nextTurn();
      return connection;
    };
    return driver;
  }
}

function embedded(pglite: PGlite, onStatement?: OnStatement): Omit<Database, "name" | "durability"> {
  const kysely = new Kysely<Schema>({ dialect: new EmbeddedDialect({ pglite }), ...logTo(onStatement) });
  return {
    kysely,
    unlimited: kysely,
    // PGlite runs one transaction at a time, so none waits for a lock.
    withLockTimeout: () => kysely,
    isShared: false,
    foundReadOnly: () => {},
    listen: () => ({ [Symbol.asyncDispose]: async () => {} }),
    async [Symbol.asyncDispose]() {
      await kysely.destroy();
      // Kysely closes PGlite only if it has used it.
      if (!pglite.closed) await pglite.close();
    },
  };
}
