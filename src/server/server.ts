import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { createPriceBook } from "../domain/prices.ts";
import { createEngine } from "../engine/commit.ts";
import { createCosting } from "../engine/costing.ts";
import { startSweeping } from "../engine/sweep.ts";
import { type Database, openEmbedded, openPostgres } from "../store/database.ts";
import { migrate } from "../store/migrate.ts";
import { createStore } from "../store/store.ts";
import { createTokenCounter } from "../workers/tokens.ts";
import { serveGrpc } from "./grpc.ts";
import { createHandlers } from "./handlers/index.ts";
import { serveHttp } from "./http.ts";
import { createPipeline } from "./pipeline.ts";
import { plainRoutes } from "./plain.ts";

/** A server that serves. Disposing stops it: refuse new calls, finish those begun, close the store. */
export interface Server extends AsyncDisposable {
  readonly host: string;
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly store: Pick<Database, "name" | "promise">;
}

/**
 * Starts everything, in the order in which it is needed; what was started is stopped again when a later part fails.
 *
 * @throws FolderLockedError, MigrationError, or what the database or the operating system had to say.
 */
export async function startServer(
  config: Config,
  log: Logger,
  open: (config: Config, log: Logger) => Promise<Database> = openDatabase,
): Promise<Server> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await open(config, log));
  await migrate(database);
  const store = createStore({
    database,
    retryMsMax: config.DATABASE_RETRY_MS_MAX,
    onRetry: (error) => log.warn({ err: error }, "the store failed; trying again"),
  });
  const tokens = stack.use(createTokenCounter({ threads: config.TOKEN_THREADS }));
  stack.use(
    startSweeping({
      store,
      intervalMs: config.SWEEP_INTERVAL_MS,
      batchBudgetsMax: config.SWEEP_BATCH_BUDGETS_MAX,
      onError: (error) => log.error({ err: error }, "a sweep failed; the next one comes"),
    }),
  );
  const engine = createEngine({
    store,
    limits: {
      batchOperationsMax: config.ENGINE_BATCH_OPERATIONS_MAX,
      batchesInFlightMax: config.ENGINE_BATCHES_IN_FLIGHT_MAX,
      queueOperationsMax: config.ENGINE_QUEUE_OPERATIONS_MAX,
    },
    onDefect: (error) => log.error({ err: error }, "an operation could not be committed"),
  });
  stack.defer(() => engine.drain());

  const routes = createPipeline({
    handlers: createHandlers({
      store,
      engine,
      costing: createCosting(createPriceBook(), tokens),
      sweepBatchBudgetsMax: config.SWEEP_BATCH_BUDGETS_MAX,
    }),
    requestBytesMax: config.REQUEST_BYTES_MAX,
    log,
  });
  let stopping = false;
  const common = { routes, host: config.HOST, requestBytesMax: config.REQUEST_BYTES_MAX };
  const plain = plainRoutes({ ...common, store, isStopping: () => stopping, log });
  const http = await serveHttp({ ...common, port: config.HTTP_PORT, plain, log });
  stack.defer(() => http.stop(config.SHUTDOWN_GRACE_MS));
  const grpc = await serveGrpc({ ...common, port: config.GRPC_PORT });
  stack.defer(() => grpc.stop(config.SHUTDOWN_GRACE_MS));

  const running = stack.move();
  return {
    host: config.HOST,
    grpcPort: grpc.port,
    httpPort: http.port,
    store: { name: database.name, promise: database.promise },
    async [Symbol.asyncDispose]() {
      stopping = true;
      await running.disposeAsync();
    },
  };
}

/** The store that the settings name. At LOG_LEVEL=trace the text of every statement is logged. */
export async function openDatabase(config: Config, log: Logger): Promise<Database> {
  const onStatement = log.isLevelEnabled("trace")
    ? (text: string): void => log.trace({ sql: text }, "statement")
    : undefined;
  if (config.DATABASE_URL === undefined) return openEmbedded({ folder: config.DATA_DIR, onStatement });
  return openPostgres({
    url: config.DATABASE_URL,
    connectionsMax: config.DATABASE_CONNECTIONS_MAX,
    onIdleError: (error) => log.warn({ err: error }, "a connection to PostgreSQL was lost"),
    onStatement,
  });
}
