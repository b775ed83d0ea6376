import { PGlite } from "@electric-sql/pglite";
import { Kysely, type LogEvent, PGliteDialect, PostgresDialect } from "kysely";
import pg from "pg";
import { explainOpening, prepareDataFolder } from "./data-folder.ts";
import { lockFolder } from "./folder-lock.ts";
import { listen } from "./notifications.ts";
import type { Schema } from "./schema.ts";
import { type TimeLimits, withTimeLimits } from "./sessions.ts";
import { parseTimestamp } from "./timestamps.ts";

/** A place to keep budgets in, and what it promises. */
export interface Database extends AsyncDisposable {
  readonly kysely: Kysely<Schema>;
  /** The same, without a limit of time: for migrations. */
  readonly unlimited: Kysely<Schema>;
  /** The same, for transactions whose statements may wait for a lock only so long, and then fail with 55P03. */
  withLockTimeout(lockMs: number): Kysely<Schema>;
  /** For the start-up lines: what it is, without passwords. */
  readonly name: string;
  /** For the start-up lines: what an acknowledged write survives. */
  readonly durability: string;
  /** Whether other servers may use it at the same time. */
  readonly isShared: boolean;
  /** Hears what other servers tell by `notify`. */
  listen(onPayload: (payload: string) => void): AsyncDisposable;
}

/** Told of each statement's text, without its values. */
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

const CONNECT_TIMEOUT_MS = 5_000;

/** How much longer than a statement a transaction of Purser may be left alone: then its process is frozen, or gone. */
const IDLE_MARGIN_MS = 1_000;

/**
 * A pool of connections to PostgreSQL. It needs no session state but DateStyle, which PgBouncer keeps for each client, so that
 * PgBouncer in transaction mode works.
 *
 * @param timeoutMs How long a statement may take before its connection is given up.
 */
export function openPostgres(options: {
  url: string;
  connectionsMax: number;
  timeoutMs: number;
  onIdleError: (error: Error) => void;
  onStatement?: OnStatement;
}): Database {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.connectionsMax,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: "purser",
    // Whatever the role or the database has set: the parsers read ISO dates. The types do not say that it is awaited.
    onConnect: (client) => client.query("set DateStyle = 'ISO'") as unknown as void,
    // Per pool, never global: another user of pg in the same process keeps its own.
    types: {
      getTypeParser: ((oid: TypeId, format?: "text" | "binary") =>
        parsers[oid] ?? pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
    },
  });
  // An idle connection that the server closes is news, not a reason to stop: the pool makes another.
  pool.on("error", options.onIdleError);
  // One that is lost while it is in use fails its statement, or the next one: that is enough. Unheard, the event would end
  // the process.
  pool.on("connect", (client) => client.on("error", () => {}));
  const logging = logTo(options.onStatement);
  const open = (limits: Omit<TimeLimits, "idleMs">): Kysely<Schema> => {
    const limited = withTimeLimits(pool, { ...limits, idleMs: options.timeoutMs + IDLE_MARGIN_MS });
    return new Kysely<Schema>({ dialect: new PostgresDialect({ pool: limited }), ...logging });
  };
  // There are as many as the code has limits, which is few.
  const byLockMs = new Map<number, Kysely<Schema>>();
  const { hostname, port, pathname } = new URL(options.url);
  return {
    kysely: open({ answerMs: options.timeoutMs }),
    unlimited: open({}),
    withLockTimeout: (lockMs) =>
      byLockMs.getOrInsertComputed(lockMs, () => open({ answerMs: options.timeoutMs, lockMs })),
    name: `PostgreSQL at ${hostname}:${port === "" ? 5432 : port}${pathname}`,
    durability: "an acknowledged write survives whatever that server's commits survive (fsync, replicas)",
    isShared: true,
    listen: (onPayload) => listen(options.url, onPayload),
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

const SURVIVES_PROCESS =
  "an acknowledged write survives the death of this process; a power cut can lose the last moments (set DATABASE_URL to keep those)";

/**
 * PostgreSQL inside the process, in a folder that one process at a time may use.
 *
 * @throws FolderLockedError when another process has the folder, DataFolderError when it cannot be used.
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

/** PostgreSQL inside the process that keeps nothing: for tests and trials. */
export async function openInMemory(): Promise<Database> {
  return {
    ...embedded(await PGlite.create("memory://", { parsers })),
    name: "embedded PostgreSQL in memory",
    durability: "nothing survives this process",
  };
}

function embedded(pglite: PGlite, onStatement?: OnStatement): Omit<Database, "name" | "durability"> {
  const kysely = new Kysely<Schema>({ dialect: new PGliteDialect({ pglite }), ...logTo(onStatement) });
  return {
    kysely,
    unlimited: kysely,
    // Transactions come one after the other: none waits for a lock.
    withLockTimeout: () => kysely,
    isShared: false,
    listen: () => ({ [Symbol.asyncDispose]: async () => {} }),
    async [Symbol.asyncDispose]() {
      await kysely.destroy();
      // Kysely closes only what it has used.
      if (!pglite.closed) await pglite.close();
    },
  };
}
