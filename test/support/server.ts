import { rm } from "node:fs/promises";
import { type Client, createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { type RawBuilder, sql } from "kysely";
import pino from "pino";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { loadConfig } from "../../src/config.ts";
import { openDatabase, startServer } from "../../src/server/server.ts";
import { DETAIL_TYPES } from "../../src/server/status.ts";
import type { Database } from "../../src/store/database.ts";
import { makeDataFolder } from "./embedded.ts";
import { startPostgres } from "./postgres.ts";

export type BudgetClient = Client<typeof BudgetService>;

/** A server under test: the clients of every way in, and direct access to its database. */
export interface TestServer extends AsyncDisposable {
  grpc: BudgetClient;
  connect: BudgetClient;
  connectJson: BudgetClient;
  grpcWeb: BudgetClient;
  grpcUrl: string;
  httpUrl: string;
  database: Database;
  reloadPrices(): Promise<void>;
  /** Moves the times of a budget back, which looks from inside as if that time had passed. */
  age(name: { project: string; user: string }, interval: string): Promise<void>;
}

/** So long that no test waits for it: a watcher that gets an answer was notified of the change. */
export const NEVER_MS = "86400000";

/** Starts a complete server on free ports. */
export async function startTestServer(
  environment: Record<string, string>,
  log = pino({ level: "silent" }),
): Promise<TestServer> {
  const config = loadConfig({
    GRPC_PORT: "0",
    HTTP_PORT: "0",
    LOG_LEVEL: "silent",
    WATCH_POLL_MS: NEVER_MS,
    ...environment,
  });
  let database: Database | undefined;
  const server = await startServer(config, log, async (...args) => {
    database = await openDatabase(...args);
    return database;
  });
  const opened = database as unknown as Database;
  const grpcUrl = `http://127.0.0.1:${server.grpcPort}`;
  const httpUrl = `http://127.0.0.1:${server.httpPort}`;
  return {
    grpc: createClient(BudgetService, createGrpcTransport({ baseUrl: grpcUrl })),
    connect: createClient(
      BudgetService,
      createConnectTransport({ baseUrl: httpUrl, httpVersion: "1.1", useBinaryFormat: true }),
    ),
    connectJson: createClient(
      BudgetService,
      createConnectTransport({
        baseUrl: httpUrl,
        httpVersion: "1.1",
        useBinaryFormat: false,
        jsonOptions: { registry: DETAIL_TYPES },
      }),
    ),
    grpcWeb: createClient(BudgetService, createGrpcWebTransport({ baseUrl: httpUrl, httpVersion: "1.1" })),
    grpcUrl,
    httpUrl,
    database: opened,
    age: async (name, interval) => {
      await ageStatement(name, interval).execute(opened.kysely);
    },
    reloadPrices: () => server.reload(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const ageStatement = (name: { project: string; user: string }, interval: string): RawBuilder<unknown> => sql`
  update budgets set
    created_at = created_at - ${interval}::text::interval,
    updated_at = updated_at - ${interval}::text::interval,
    period_anchor = period_anchor - ${interval}::text::interval,
    period_start = period_start - ${interval}::text::interval,
    period_end = period_end - ${interval}::text::interval
  where project = ${name.project} and user_id = ${name.user}`;

export type StoreKind = "PostgreSQL" | "PGlite";
export const STORES: readonly StoreKind[] = ["PostgreSQL", "PGlite"];

/** An empty store, as the environment variable that points a server to it. */
export interface TestStore extends AsyncDisposable {
  environment: Record<string, string>;
}

export async function makeStore(kind: StoreKind): Promise<TestStore> {
  if (kind === "PGlite") {
    const folder = await makeDataFolder();
    return {
      environment: { DATA_DIR: folder },
      [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
    };
  }
  const postgres = await startPostgres();
  return {
    environment: { DATABASE_URL: await postgres.createDatabase() },
    [Symbol.asyncDispose]: () => postgres[Symbol.asyncDispose](),
  };
}
