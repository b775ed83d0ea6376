#!/usr/bin/env node
import { readFileSync } from "node:fs";
import pino from "pino";
import { type Command, HELP, type PruneRequest, readCommand, UsageError } from "./command/arguments.ts";
import { isWorker, onOrder, report, startWorkers, WorkerFailed } from "./command/cluster.ts";
import { PruneRefused, prune } from "./command/prune.ts";
import { SecretFileError, withSecretFiles } from "./config/secret-files.ts";
import { ConfigError, loadConfig } from "./config.ts";
import { PriceFileError } from "./engine/pricing/price-file.ts";
import { greeting } from "./server/greeting.ts";
import { ExposedError, startServer } from "./server/server.ts";
import { TlsFileError } from "./server/tls-files.ts";
import { DataFolderError } from "./store/data-folder.ts";
import { FolderLockedError } from "./store/folder-lock.ts";
import { MigrationError } from "./store/migrate.ts";
import { DatabaseUnfit } from "./store/requirements.ts";
import { NoConnection } from "./store/sessions.ts";

/** The program. Only this file uses `process`. */

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

function fail(message: string, code = 1): never {
  process.stderr.write(`purser: ${message}\n`);
  process.exit(code);
}

function readConfig() {
  try {
    return loadConfig(withSecretFiles(process.env, (path) => readFileSync(path, "utf8")));
  } catch (error) {
    if (error instanceof ConfigError || error instanceof SecretFileError) fail(error.message);
    throw error;
  }
}

function readArguments(): Command {
  try {
    return readCommand(process.argv.slice(2));
  } catch (error) {
    if (error instanceof UsageError) fail(error.message, 2);
    throw error;
  }
}

const SELF_EXPLAINING = [
  FolderLockedError,
  DataFolderError,
  DatabaseUnfit,
  MigrationError,
  PriceFileError,
  WorkerFailed,
  PruneRefused,
  ExposedError,
  TlsFileError,
];

/** An error that an operator can fix is one line. An unexpected error keeps its stack. */
function explain(error: NodeJS.ErrnoException): string {
  const { code, message, stack } = error;
  if (SELF_EXPLAINING.some((known) => error instanceof known)) return message;
  if (error instanceof NoConnection) return `cannot start: ${message}`;
  if (code === "EADDRINUSE") {
    return `${message}; another server uses the port: stop it, or set GRPC_PORT and HTTP_PORT (0 takes a free port)`;
  }
  // Errors of the system and of PostgreSQL have a code, and their messages explain them.
  return code === undefined ? (stack ?? message) : `cannot start: ${message === "" ? code : message}`;
}

const signalled = (): Promise<string> =>
  new Promise((resolve) => {
    process.once("SIGTERM", resolve).once("SIGINT", resolve);
  });

async function untilStopped(stopped: Promise<string>, graceMs: number): Promise<void> {
  const signal = await stopped;
  say(`${signal}: finishing the calls that have begun, for up to ${graceMs / 1000} s`);
  // A second signal ends the process at once.
  process.once("SIGTERM", () => process.exit(1)).once("SIGINT", () => process.exit(1));
  endAfter(graceMs);
}

const CLOSING_MS_MAX = 5000;

/** Ends this process where something does not stop, such as a statement that PostgreSQL never answers. */
function endAfter(graceMs: number): void {
  const end = (): never => fail(`did not stop within ${(graceMs + CLOSING_MS_MAX) / 1000} s; ended`);
  setTimeout(end, graceMs + CLOSING_MS_MAX).unref();
}

async function serve(): Promise<void> {
  const server = await startServer(config, log).catch((error: Error) => fail(explain(error)));
  // A service manager may send signals as soon as it reads the greeting. Without a listener, they would end the process at once.
  const stopped = signalled();
  process.on("SIGHUP", () => void server.reload());
  say(greeting(server));
  await untilStopped(stopped, config.SHUTDOWN_GRACE_MS);
  await server[Symbol.asyncDispose]();
}

async function serveTogether(): Promise<void> {
  const workers = await startWorkers(config.WORKERS, log).catch((error: Error) => fail(explain(error)));
  const stopped = signalled();
  process.on("SIGHUP", () => workers.reload());
  say(workers.greeting);
  await untilStopped(stopped, config.SHUTDOWN_GRACE_MS);
  if (!(await workers.stop())) process.exitCode = 1;
}

/**
 * Runs one of several workers. The primary prints its greeting and tells it when to stop. If the primary dies, Node
 * ends it.
 */
async function work(): Promise<void> {
  const server = await startServer(config, log).catch(async (error: Error) => {
    await report({ kind: "failed", why: explain(error) });
    process.exit(1);
  });
  const stopping = Promise.withResolvers<void>();
  onOrder({ stop: stopping.resolve, reload: () => void server.reload() });
  process.on("SIGHUP", () => void server.reload());
  // A terminal or a service manager may signal all processes at once. A worker handles every signal like the primary's
  // stop.
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => stopping.resolve());
  await report({ kind: "serving", greeting: greeting(server) });
  await stopping.promise;
  endAfter(config.SHUTDOWN_GRACE_MS);
  await server[Symbol.asyncDispose]();
  process.disconnect?.();
}

async function pruneNow(request: PruneRequest): Promise<void> {
  const stopping = new AbortController();
  void signalled().then(() => stopping.abort());
  const isWhole = await prune(request, { config, log, say, signal: stopping.signal }).catch((error: Error) =>
    fail(explain(error)),
  );
  if (!isWhole) process.exitCode = 1;
}

const command = readArguments();
if (command.kind === "help") {
  say(HELP);
  process.exit(0);
}
const config = readConfig();
const log = pino({ level: config.LOG_LEVEL }, pino.destination(2));
if (command.kind === "prune") await pruneNow(command);
else if (config.WORKERS === 1) await serve();
else if (isWorker) await work();
else await serveTogether();
