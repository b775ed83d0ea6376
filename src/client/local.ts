import { resolve } from "node:path";
import {
  Code,
  ConnectError,
  createClient,
  createRouterTransport,
  type Interceptor,
} from "@connectrpc/connect";
import pino from "pino";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { KeyService } from "../../gen/es/budget/v1/key_service_pb.ts";
import { type Config, loadConfig } from "../config.ts";
import { implement } from "../server/connect.ts";
import { type Service, startService } from "../server/service.ts";
import { type Database, openEmbedded, openInMemory } from "../store/database.ts";
import { FolderLockedError } from "../store/folder-lock.ts";
import { withKey } from "./api-key.ts";
import { withHeaders } from "./connect.ts";
import type { LocalOptions, LocalPurser } from "./open-local.ts";
import { createShares } from "./shares.ts";

/**
 * The service in this process. `open-local.ts` imports this file only when needed, because it loads the whole server.
 */

const IN_MEMORY = "memory://";

const configOf = (dataDir: string | undefined): Config =>
  loadConfig({ DATA_DIR: dataDir, LOG_LEVEL: "error" });

/** Only one service may use a folder, so all clients in this process share it. */
const share = createShares((folder) => start(configOf(folder), () => openEmbedded({ folder })));

export async function startLocal(options: LocalOptions): Promise<LocalPurser> {
  const config = configOf(options.dataDir);
  const headers = withHeaders(withKey(options.apiKey, {}));
  if (config.DATA_DIR === IN_MEMORY) {
    const service = await start(config, openInMemory);
    return clientOf(service, headers, async () => service[Symbol.asyncDispose]());
  }
  const folder = resolve(config.DATA_DIR);
  try {
    const { resource, leave } = await share(folder);
    return clientOf(resource, headers, leave);
  } catch (error) {
    throw error instanceof FolderLockedError ? explained(error, folder) : error;
  }
}

function start(config: Config, openDatabase: () => Promise<Database>): Promise<Service> {
  return startService(config, pino({ level: config.LOG_LEVEL }, pino.destination(2)), openDatabase);
}

function clientOf({ pipeline }: Service, headers: Interceptor, close: () => Promise<void>): LocalPurser {
  let closed: Promise<void> | undefined;
  const unlessClosed: Interceptor = (next) => (request) => {
    if (closed !== undefined) throw new ConnectError("the local Purser is closed", Code.Canceled);
    return next(request);
  };
  const transport = createRouterTransport((router) => implement(router, pipeline.routes), {
    transport: { interceptors: [unlessClosed, headers] },
  });
  return {
    client: createClient(BudgetService, transport),
    keys: createClient(KeyService, transport),
    [Symbol.asyncDispose]: () => (closed ??= close()),
  };
}

const explained = (cause: FolderLockedError, folder: string): Error =>
  new Error(
    `dataDir: ${folder} is in use by another process. Choose another folder, or run one Purser server and call it with clientType: "hosted"`,
    { cause },
  );
