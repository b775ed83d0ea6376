#!/usr/bin/env node
import pino from "pino";
import { ConfigError, loadConfig } from "./config.ts";
import { PriceFileError } from "./engine/price-file.ts";
import { greeting } from "./server/greeting.ts";
import { type Server, startServer } from "./server/server.ts";
import { FolderLockedError } from "./store/folder-lock.ts";
import { MigrationError } from "./store/migrate.ts";

/** The program: the only file that touches `process`. */

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

function fail(message: string): never {
  process.stderr.write(`purser: ${message}\n`);
  process.exit(1);
}

function readConfig() {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (error instanceof ConfigError) fail(error.message);
    throw error;
  }
}

const SELF_EXPLAINING = [FolderLockedError, MigrationError, PriceFileError];

/** What an operator can mend is one line; what nobody foresaw keeps its stack. */
function explain(error: NodeJS.ErrnoException): string {
  const { code, message, stack } = error;
  if (SELF_EXPLAINING.some((known) => error instanceof known)) return message;
  if (code === "EADDRINUSE") {
    return `${message}; another server has the port: stop it, or set GRPC_PORT and HTTP_PORT (0 takes a free one)`;
  }
  // Errors of the system and of PostgreSQL have a code, and speak for themselves.
  return code === undefined ? (stack ?? message) : `cannot start: ${message === "" ? code : message}`;
}

async function stopOn(server: Server, graceMs: number): Promise<void> {
  const signal = await new Promise<string>((resolve) => {
    process.once("SIGTERM", resolve).once("SIGINT", resolve);
  });
  say(`${signal}: finishing the calls that have begun, for up to ${graceMs / 1000} s`);
  // A second signal does not wait.
  process.once("SIGTERM", () => process.exit(1)).once("SIGINT", () => process.exit(1));
  await server[Symbol.asyncDispose]();
}

const config = readConfig();
const log = pino({ level: config.LOG_LEVEL }, pino.destination(2));
const server = await startServer(config, log).catch((error: Error) => fail(explain(error)));
say(greeting(server));
process.on("SIGHUP", () => void server.reloadPrices());
await stopOn(server, config.SHUTDOWN_GRACE_MS);
