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
import { type Config, loadConfig } from "../config.ts";
import { implementationOf } from "../server/connect.ts";
import { type Service, startService } from "../server/service.ts";
import { type Database, openEmbedded, openInMemory } from "../store/database.ts";
import { FolderLockedError } from "../store/folder-lock.ts";
import type { LocalOptions, LocalPurser } from "./open-local.ts";

/**
 * The service in this process. `open-local.ts` imports this file only when needed, because it loads the whole server.
 */

const IN_MEMORY = "memory://";

interface Shared {
  service: Promise<Service>;
  users: number;
}

/** Only one service may use a folder, so several clients in this process share it. */
const open = new Map<string, Shared>();
const closing = new Map<string, Promise<void>>();

export async function startLocal(options: LocalOptions): Promise<LocalPurser> {
  const config = loadConfig({ DATA_DIR: options.dataDir, LOG_LEVEL: "error" });
  if (config.DATA_DIR === IN_MEMORY) {
    const service = await start(config, openInMemory);
    return clientOf(service, async () => service[Symbol.asyncDispose]());
  }
  const folder = resolve(config.DATA_DIR);
  const shared = open.get(folder) ?? {
    service: (closing.get(folder) ?? Promise.resolve()).then(() =>
      start(config, () => openEmbedded({ folder })),
    ),
    users: 0,
  };
  open.set(folder, shared);
  shared.users++;
  try {
    return clientOf(await shared.service, () => leave(folder, shared));
  } catch (error) {
    await leave(folder, shared);
    throw error instanceof FolderLockedError ? explained(error, folder) : error;
  }
}

const start = (config: Config, openDatabase: () => Promise<Database>): Promise<Service> =>
  startService(config, pino({ level: config.LOG_LEVEL }, pino.destination(2)), openDatabase);

/** The last client closes the service. A client that opens the folder in the meantime waits for the close. */
async function leave(folder: string, shared: Shared): Promise<void> {
  shared.users--;
  if (shared.users > 0) return;
  open.delete(folder);
  const closed = close(shared.service);
  // An error of the close goes to the client that closed, not to the client that waits.
  const over = closed.catch(() => {});
  closing.set(folder, over);
  await over;
  if (closing.get(folder) === over) closing.delete(folder);
  await closed;
}

async function close(starting: Promise<Service>): Promise<void> {
  // If the service did not start, there is nothing to close.
  const service = await starting.catch(() => undefined);
  await service?.[Symbol.asyncDispose]();
}

function clientOf({ pipeline }: Service, close: () => Promise<void>): LocalPurser {
  let closed: Promise<void> | undefined;
  const unlessClosed: Interceptor = (next) => (request) => {
    if (closed !== undefined) throw new ConnectError("the local Purser is closed", Code.Canceled);
    return next(request);
  };
  const transport = createRouterTransport(
    (router) => router.service(BudgetService, implementationOf(pipeline.routes)),
    { transport: { interceptors: [unlessClosed] } },
  );
  return {
    client: createClient(BudgetService, transport),
    [Symbol.asyncDispose]: () => (closed ??= close()),
  };
}

const explained = (cause: FolderLockedError, folder: string): Error =>
  new Error(
    `dataDir: ${folder} is in use by another process. Choose another folder, or run one Purser server and call it with clientType: "hosted"`,
    { cause },
  );
