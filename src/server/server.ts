import type { Logger } from "pino";
import { readDatabaseUrl } from "../config/database-url.ts";
import type { Config } from "../config.ts";
import { type Database, openEmbedded, openPostgres } from "../store/database.ts";
import { createBytesInFlight } from "./bytes-in-flight.ts";
import { serveGrpc } from "./grpc.ts";
import { healthRoutes } from "./health.ts";
import { serveHttp } from "./http.ts";
import type { Credentials } from "./keys/credentials.ts";
import { createOriginPolicy, isLoopback } from "./origin.ts";
import { type OpenDatabase, startService } from "./service.ts";
import { openTls } from "./tls.ts";

/** A running server. Disposal stops it: it refuses new calls, waits for running calls and closes the store. */
export interface Server extends AsyncDisposable {
  readonly host: string;
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Whether both ports speak TLS, and nothing else. */
  readonly hasTls: boolean;
  readonly store: Pick<Database, "name" | "durability">;
  /** Reads PRICES_FILE and the files for TLS again, if they are set. Never rejects. */
  reload(): Promise<void>;
}

/**
 * Starts a service and its ports. If a part fails to start, the parts that are already running are stopped.
 *
 * @throws FolderLockedError, DatabaseUnfit, MigrationError, PriceFileError, TlsFileError, ExposedError, or an error of the database or the
 * operating system.
 */
export async function startServer(
  config: Config,
  log: Logger,
  open: OpenDatabase = openDatabase,
): Promise<Server> {
  await using stack = new AsyncDisposableStack();
  const tls = await openTls(config, log);
  stack.use(tls);
  const service = stack.use(await startService(config, log, open));
  await checkExposure(config, service.credentials);
  const common = {
    pipeline: service.pipeline,
    host: config.HOST,
    // Both ports share one limit because they share the memory of one process.
    bytesInFlight: createBytesInFlight(config.REQUEST_BYTES_IN_FLIGHT_MAX),
    limits: {
      connectionsMax: config.CONNECTIONS_MAX,
      requestReceiveMsMax: config.REQUEST_RECEIVE_MS_MAX,
      keepaliveMs: config.KEEPALIVE_MS,
    },
    tls,
    log,
  };
  const origins = createOriginPolicy({
    hasTls: tls !== undefined,
    host: config.HOST,
    httpHosts: config.HTTP_HOSTS,
    corsOrigins: config.CORS_ORIGINS,
  });
  const plain = healthRoutes(service);
  const http = await serveHttp({ ...common, port: config.HTTP_PORT, plain, origins });
  const closing = stack.adopt([http], (listeners) =>
    Promise.all(listeners.map((listener) => listener.stop(config.SHUTDOWN_GRACE_MS))).then(() => {}),
  );
  const grpc = await serveGrpc({ ...common, port: config.GRPC_PORT });
  // Both listeners stop at the same time because they share the grace period.
  closing.push(grpc);

  const running = stack.move();
  return {
    host: config.HOST,
    grpcPort: grpc.port,
    httpPort: http.port,
    hasTls: tls !== undefined,
    store: service.database,
    async reload() {
      await Promise.all([service.reloadPrices(), tls?.reload()]);
    },
    async [Symbol.asyncDispose]() {
      service.stop();
      await running.disposeAsync();
    },
  };
}

/** The server would serve everybody on a network. The message says what to set. */
export class ExposedError extends Error {
  override name = "ExposedError";
}

/** @throws ExposedError when callers need no key on an address that others can reach, and INSECURE is not set */
async function checkExposure({ HOST, INSECURE }: Config, credentials: Credentials): Promise<void> {
  if (INSECURE === "1" || isLoopback(HOST) || !(await credentials.isOpen())) return;
  throw new ExposedError(
    `HOST=${HOST} opens the server to the network, and nobody is asked for a key. Set PURSER_OPERATOR_KEY to a key and create others with it, or set INSECURE=1 to let everybody in`,
  );
}

/** Opens the database that the settings select. At LOG_LEVEL=trace every statement is logged. */
export async function openDatabase(config: Config, log: Logger): Promise<Database> {
  const onStatement = log.isLevelEnabled("trace")
    ? (text: string): void => log.trace({ sql: text }, "statement")
    : undefined;
  if (config.DATABASE_URL === undefined) return openEmbedded({ folder: config.DATA_DIR, onStatement });
  const read = readDatabaseUrl(config.DATABASE_URL);
  if (typeof read === "object" && read.isUnchecked)
    log.warn(
      { store: read.name },
      "anybody on the network path could pretend to be PostgreSQL: set sslmode=verify-full in DATABASE_URL",
    );
  return openPostgres({
    url: config.DATABASE_URL,
    connectionsMax: config.DATABASE_CONNECTIONS_MAX,
    timeoutMs: config.DATABASE_TIMEOUT_MS,
    // A lost idle connection is not yet an outage. In an outage the next statement fails and is logged once for all
    // connections.
    onIdleError: (error) => log.debug({ err: error }, "an idle connection to PostgreSQL was lost"),
    onStatement,
  });
}
