import type { Logger } from "pino";
import type { Config } from "../config.ts";
import type { PriceFile } from "../domain/prices.ts";
import { createAncestry } from "../engine/commit/ancestry.ts";
import { createEngine } from "../engine/commit/engine.ts";
import { createPageReads } from "../engine/page-reads.ts";
import { createCosting } from "../engine/pricing/costing.ts";
import { createPriceBooks, type PriceBooks } from "../engine/pricing/price-books.ts";
import { watchPriceFile } from "../engine/pricing/price-file.ts";
import { createProjectPriceList } from "../engine/pricing/project-prices.ts";
import { createFeed, type Feed } from "../engine/read/feed.ts";
import { createReader } from "../engine/read/reader.ts";
import { startSweeping } from "../engine/upkeep/sweep.ts";
import { createLegacy } from "../legacy/legacy.ts";
import type { Database } from "../store/database.ts";
import { migrate } from "../store/migrate.ts";
import { notify } from "../store/notifications.ts";
import { createStore, type Store } from "../store/store.ts";
import { createTokenCounter } from "../workers/tokens.ts";
import { createHandlers } from "./handlers/index.ts";
import { type Credentials, createCredentials } from "./keys/credentials.ts";
import { createGuesses } from "./keys/guesses.ts";
import { createKeyRing } from "./keys/key-ring.ts";
import { createKeyStore } from "./keys/key-store.ts";
import { createTokens, type Tokens } from "./keys/tokens.ts";
import { legacyHandlers } from "./legacy.ts";
import { outageLog } from "./outage-log.ts";
import { createPermissions } from "./permissions.ts";
import { createPipeline, type Pipeline } from "./pipeline.ts";

/** Opens the database of a service. */
export type OpenDatabase = (config: Config, log: Logger) => Promise<Database>;

/** All parts except the listeners. A server adds ports; a client in the same process calls the pipeline. */
export interface Service extends AsyncDisposable {
  readonly pipeline: Pipeline;
  readonly store: Store;
  readonly database: Pick<Database, "name" | "durability">;
  readonly credentials: Credentials;
  readonly isStopping: () => boolean;
  /** Ends the streams. Other calls continue until disposal, which calls `stop` first. */
  stop(): void;
  /** Reloads PRICES_FILE, if it is set. Never rejects. */
  reloadPrices(): Promise<void>;
}

/**
 * Starts the parts of a service in the order of their dependencies. If a part fails to start, the parts that are
 * already running are stopped.
 *
 * @throws FolderLockedError, DatabaseUnfit, MigrationError, PriceFileError, or an error of the database.
 */
export async function startService(config: Config, log: Logger, open: OpenDatabase): Promise<Service> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await open(config, log));
  await migrate(database);
  const store = createStore({
    database,
    retryMsMax: config.DATABASE_RETRY_MS_MAX,
    ...outageLog(log),
  });
  const counter = stack.use(
    createTokenCounter({
      threads: config.TOKEN_THREADS,
      queueJobsMax: config.TOKEN_QUEUE_JOBS_MAX,
      queueBytesMax: config.TOKEN_QUEUE_BYTES_MAX,
    }),
  );
  const stopping = new AbortController();
  const feed = stack.use(createFeed((payload) => notifyOthers(store, database, payload)));
  stack.use(database.listen((payload) => feed.received(payload)));
  const ancestry = createAncestry(store);
  const onChanged: Feed["changed"] = (names) => feed.changed(names);
  const engine = createEngine({
    store,
    ancestry,
    onChanged,
    limits: {
      batchOperationsMax: config.ENGINE_BATCH_OPERATIONS_MAX,
      batchesInFlightMax: config.ENGINE_BATCHES_IN_FLIGHT_MAX,
      // With few connections, the last one is for reads.
      quietBatchesMax: config.DATABASE_CONNECTIONS_MAX > config.ENGINE_BATCHES_IN_FLIGHT_MAX + 1 ? 1 : 0,
      queueOperationsMax: config.ENGINE_QUEUE_OPERATIONS_MAX,
      backgroundOperationsMax: config.SWEEP_BATCH_BUDGETS_MAX,
      lockWaitMsMax: config.DATABASE_TIMEOUT_MS,
    },
    onDefect: (error) => log.error({ err: error }, "an operation could not be committed"),
  });
  stack.defer(() => engine.drain());
  stack.use(
    startSweeping({
      store,
      engine,
      intervalMs: config.SWEEP_INTERVAL_MS,
      batchBudgetsMax: config.SWEEP_BATCH_BUDGETS_MAX,
      onError: (error) => log.error({ err: error }, "a sweep failed; the next sweep tries again"),
    }),
  );

  const pageReads = createPageReads();
  const ring = createKeyRing(store, () => performance.now());
  const tokens = tokensOf(config, log);
  const credentials = createCredentials({
    ring,
    guesses: createGuesses(() => performance.now()),
    operatorKey: config.PURSER_OPERATOR_KEY,
    tokens,
    acceptsCertificates: config.TLS_CLIENT_CA_FILE !== undefined,
  });
  const prices = await openPrices(stack, store, config, log);
  const legacy = createLegacy({ store, engine, sessionDays: config.LEGACY_SESSION_DAYS });
  const pipeline = createPipeline({
    handlers: createHandlers({
      store,
      reader: createReader({ store, engine, pageReads }),
      feed,
      engine,
      costing: createCosting(prices.books, counter),
      projectPrices: createProjectPriceList({
        store,
        books: prices.books,
        pageReads,
        pricesMax: config.PROJECT_PRICES_MAX,
      }),
      keys: createKeyStore(store, ring),
      sweepBatchBudgetsMax: config.SWEEP_BATCH_BUDGETS_MAX,
      watchPollMs: config.WATCH_POLL_MS,
      onDefect: (error) => log.error({ err: error }, "a request of a batch failed"),
    }),
    credentials,
    permissions: createPermissions(store),
    requestBytesMax: config.REQUEST_BYTES_MAX,
    texts: legacyHandlers(legacy),
    textBytesMax: config.LEGACY_BYTES_MAX,
    stopping: stopping.signal,
    log,
  });
  stack.defer(() => stopping.abort());

  const running = stack.move();
  return {
    pipeline,
    store,
    database: { name: database.name, durability: database.durability },
    credentials,
    isStopping: () => stopping.signal.aborted,
    stop: () => stopping.abort(),
    reloadPrices: prices.reload,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Accepts JWTs, if an issuer is set. */
function tokensOf(config: Config, log: Logger): Tokens | undefined {
  const { AUTH_JWKS_URL: jwksUrl, AUTH_JWT_ISSUER: issuer, AUTH_JWT_AUDIENCE: audience } = config;
  if (jwksUrl === undefined || issuer === undefined || audience === undefined) return undefined;
  const onUnreachable = (error: unknown): void =>
    log.error({ url: jwksUrl, err: error }, "the keys of AUTH_JWKS_URL cannot be read; JWTs are refused");
  return createTokens({ jwksUrl, issuer, audience }, () => performance.now(), onUnreachable);
}

/**
 * Notifies the other servers of a change. Errors are ignored because a server that misses a notification polls later.
 */
function notifyOthers(store: Store, database: Database, payload: string): void {
  if (!database.isShared) return;
  store.write((connection) => notify(connection, payload)).catch(() => {});
}

const LEFT_OUT_LOGGED_MAX = 20;

/** Creates the price books and follows PRICES_FILE, if it is set. @throws PriceFileError */
async function openPrices(
  stack: AsyncDisposableStack,
  store: Store,
  config: Config,
  log: Logger,
): Promise<{ books: PriceBooks; reload: () => Promise<void> }> {
  const books = createPriceBooks({
    store,
    pricesMax: config.PROJECT_PRICES_MAX,
    refreshMs: config.PRICES_REFRESH_MS,
  });
  const path = config.PRICES_FILE;
  if (path === undefined) return { books, reload: async () => {} };
  const use = (file: PriceFile): void => {
    books.useFile(file);
    log.info({ path, models: file.models.size, leftOut: file.leftOut.length }, "prices read");
    if (file.leftOut.length > 0) {
      const examples = file.leftOut.slice(0, LEFT_OUT_LOGGED_MAX);
      log.warn({ path, leftOut: examples }, "models of the price file were left out");
    }
  };
  const file = stack.use(
    await watchPriceFile({
      path,
      onAccepted: use,
      onRefused: (reason) =>
        log.error({ path, why: reason }, "the new price file was refused; the previous prices stay in use"),
    }),
  );
  use(file.first);
  return { books, reload: () => file.reload() };
}
