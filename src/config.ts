/**
 * All settings of the server, with their defaults and limits. They are read from the environment once, at the start.
 * The table in docs/settings.md is generated from this one, and a test compares the two.
 */

import { readDatabaseUrl } from "./config/database-url.ts";
import type { Setting } from "./config/kinds.ts";
import { SETTINGS } from "./config/settings.ts";

export { SETTINGS };

export class ConfigError extends Error {
  constructor(name: string, value: string, allowed: string) {
    super(`${name}=${JSON.stringify(value)} is not allowed: it must be ${allowed}`);
    this.name = "ConfigError";
  }
}

export type Config = {
  readonly [Name in keyof typeof SETTINGS]: (typeof SETTINGS)[Name] extends Setting<infer T> ? T : never;
};

/**
 * Reads the settings from an environment. An empty value counts as absent.
 *
 * @throws ConfigError with the name of the variable, its value and the allowed values.
 */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const entries = Object.entries<Setting<unknown>>(SETTINGS).map(([name, setting]) => {
    const given = environment[name];
    if (given === undefined || given === "") return [name, setting.default];
    const value = setting.parse(given);
    if (value === undefined)
      throw new ConfigError(name, setting.isSecret === true ? "***" : redact(given), setting.allowed);
    return [name, value];
  });
  const config = Object.freeze(Object.fromEntries(entries)) as Config;
  const url = readDatabaseUrl(config.DATABASE_URL ?? "");
  if (typeof url === "string") throw new ConfigError("DATABASE_URL", redact(config.DATABASE_URL ?? ""), url);
  if (config.ENGINE_BATCHES_IN_FLIGHT_MAX >= config.DATABASE_CONNECTIONS_MAX) {
    throw new ConfigError(
      "ENGINE_BATCHES_IN_FLIGHT_MAX",
      String(config.ENGINE_BATCHES_IN_FLIGHT_MAX),
      `fewer than DATABASE_CONNECTIONS_MAX (${config.DATABASE_CONNECTIONS_MAX})`,
    );
  }
  if (config.TOKEN_QUEUE_BYTES_MAX < 2 * config.REQUEST_BYTES_MAX) {
    throw new ConfigError(
      "TOKEN_QUEUE_BYTES_MAX",
      String(config.TOKEN_QUEUE_BYTES_MAX),
      `at least twice REQUEST_BYTES_MAX (${config.REQUEST_BYTES_MAX}), because a project may hold only as much as it leaves free`,
    );
  }
  for (const name of ["REQUEST_BYTES_MAX", "LEGACY_BYTES_MAX"] as const) {
    if (config[name] <= config.REQUEST_BYTES_IN_FLIGHT_MAX / 2) continue;
    throw new ConfigError(
      name,
      String(config[name]),
      `at most half of REQUEST_BYTES_IN_FLIGHT_MAX (${config.REQUEST_BYTES_IN_FLIGHT_MAX})`,
    );
  }
  for (const name of ["AUTH_JWT_ISSUER", "AUTH_JWT_AUDIENCE"] as const) {
    if ((config[name] === undefined) === (config.AUTH_JWKS_URL === undefined)) continue;
    throw new ConfigError(name, config[name] ?? "", "given if AUTH_JWKS_URL is, and only then");
  }
  if ((config.TLS_CERT_FILE === undefined) !== (config.TLS_KEY_FILE === undefined)) {
    const [missing, given] =
      config.TLS_CERT_FILE === undefined
        ? ["TLS_CERT_FILE", "TLS_KEY_FILE"]
        : ["TLS_KEY_FILE", "TLS_CERT_FILE"];
    throw new ConfigError(missing, "", `given, because ${given} is`);
  }
  if (config.TLS_CLIENT_CA_FILE !== undefined && config.TLS_CERT_FILE === undefined) {
    throw new ConfigError(
      "TLS_CLIENT_CA_FILE",
      config.TLS_CLIENT_CA_FILE,
      "absent without TLS_CERT_FILE and TLS_KEY_FILE",
    );
  }
  if (config.WORKERS > 1 && config.DATABASE_URL === undefined) {
    throw new ConfigError(
      "WORKERS",
      String(config.WORKERS),
      "1 without DATABASE_URL, because only one process may use the embedded store",
    );
  }
  return config;
}

/** Matches `://user:`, which a password follows, or `://host:`, which a port follows. */
const USER_OR_HOST = /:\/\/[^:@/]*:/g;
const PORT = /^\d{1,5}(?:[/?]|$)/;

/** A URL may contain a password, even if it is invalid. A password must not reach a log. */
function redact(value: string): string {
  return withoutUserPassword(value).replace(/(password=)[^&]*/gi, "$1***");
}

function withoutUserPassword(value: string): string {
  const passwordEnd = value.lastIndexOf("@");
  for (const { 0: text, index } of value.matchAll(USER_OR_HOST)) {
    const start = index + text.length;
    if (start <= passwordEnd) {
      return `${value.slice(0, start)}***${withoutUserPassword(value.slice(passwordEnd))}`;
    }
    // If the host is missing, the password is in the position of the port.
    if (!PORT.test(value.slice(start, start + 6))) return `${value.slice(0, start)}***`;
  }
  return value;
}
