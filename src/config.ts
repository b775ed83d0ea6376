/**
 * The environment, read once. Every default and every limit of the server is a row of this table; the README's table
 * of settings is compared with it by a test.
 */

/** One setting: how to read it, what it is when it is absent, and what is allowed. */
interface Setting<T> {
  default: T;
  /** The default as the README shows it. */
  shown: string;
  allowed: string;
  about: string;
  parse(text: string): T | undefined;
}

export class ConfigError extends Error {
  constructor(name: string, value: string, allowed: string) {
    super(`${name}=${JSON.stringify(value)} is not allowed: it must be ${allowed}`);
    this.name = "ConfigError";
  }
}

const wholeNumber = (
  bounds: { default: number; min: number; max: number },
  about: string,
): Setting<number> => ({
  default: bounds.default,
  shown: String(bounds.default),
  allowed: `a whole number from ${bounds.min} to ${bounds.max}`,
  about,
  parse: (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    return value >= bounds.min && value <= bounds.max ? value : undefined;
  },
});

const oneOf = <const T extends string>(fallback: T, values: readonly T[], about: string): Setting<T> => ({
  default: fallback,
  shown: fallback,
  allowed: `one of ${values.join(", ")}`,
  about,
  parse: (text) => values.find((value) => value === text),
});

const text = (fallback: string, allowed: string, about: string, valid: RegExp): Setting<string> => ({
  default: fallback,
  shown: fallback,
  allowed,
  about,
  parse: (value) => (valid.test(value) ? value : undefined),
});

const postgresUrl: Setting<string | undefined> = {
  default: undefined,
  shown: "",
  allowed: "a URL such as postgres://user:password@host:5432/database",
  about: "PostgreSQL 14 or later to keep budgets in. Absent: a PostgreSQL inside the process, in DATA_DIR.",
  parse: (value) => (/^postgres(ql)?:\/\/\S+$/.test(value) && URL.canParse(value) ? value : undefined),
};

const pricesFile: Setting<string | undefined> = {
  default: undefined,
  shown: "",
  allowed: "a path of a file",
  about:
    "Prices in the format of LiteLLM's model_prices_and_context_window.json, before those that Purser brings. Read again when it changes, and on SIGHUP.",
  parse: (value) => (/^[^\0]{1,4096}$/.test(value) ? value : undefined),
};

/** Items with commas between them; spaces around them are dropped. */
const list = (allowed: string, about: string, valid: RegExp): Setting<readonly string[]> => ({
  default: [],
  shown: "",
  allowed,
  about,
  parse: (value) => {
    const items = value.split(",").map((item) => item.trim().toLowerCase());
    return items.every((item) => valid.test(item)) ? items : undefined;
  },
});

const MINUTE_MS = 60_000;
const MIB = 1_048_576;

export const SETTINGS = {
  HOST: text(
    "127.0.0.1",
    "an IP address or a host name",
    "Address to listen on. 0.0.0.0 opens the server to the network.",
    /^[0-9A-Za-z.:_-]{1,255}$/,
  ),
  GRPC_PORT: wholeNumber(
    { default: 50051, min: 0, max: 65535 },
    "Port of gRPC. 0 takes a free one and says which.",
  ),
  HTTP_PORT: wholeNumber(
    { default: 8080, min: 0, max: 65535 },
    "Port of Connect, gRPC-Web, the legacy routes and the health checks. 0 takes a free one and says which.",
  ),
  HTTP_HOSTS: list(
    "host names without ports, with commas between them",
    "Names by which HTTP_PORT may be called, beside localhost, loopback addresses and HOST. Where HOST is not loopback, any IP address may be called, too. Other names are refused: a website could make its own name point here (DNS rebinding).",
    /^(?:[0-9a-z_-]{1,63}\.){0,10}[0-9a-z_-]{1,63}$|^[0-9a-f:.]{2,45}$/,
  ),
  CORS_ORIGINS: list(
    "origins such as https://app.example.com, with commas between them",
    "Origins whose web pages may call HTTP_PORT. Pages of all others are refused.",
    /^https?:\/\/[0-9a-z._:[\]-]{1,255}$/,
  ),
  DATABASE_URL: postgresUrl,
  DATABASE_CONNECTIONS_MAX: wholeNumber(
    { default: 10, min: 3, max: 1000 },
    "Connections to PostgreSQL, at most.",
  ),
  DATABASE_RETRY_MS_MAX: wholeNumber(
    { default: 10_000, min: 0, max: 10 * MINUTE_MS },
    "How long a batch is tried again while PostgreSQL cannot be reached, before its callers are told UNAVAILABLE.",
  ),
  DATABASE_TIMEOUT_MS: wholeNumber(
    { default: 5_000, min: 100, max: 10 * MINUTE_MS },
    "How long PostgreSQL may take to answer a statement, before the connection is given up and the batch tried again.",
  ),
  DATA_DIR: text(
    "./data",
    "a path of a folder",
    "Folder of the embedded store, where DATABASE_URL is absent.",
    // biome-ignore format: one class
    /^[^\0]{1,4096}$/,
  ),
  PRICES_FILE: pricesFile,
  PRICES_REFRESH_MS: wholeNumber(
    { default: 1000, min: 0, max: 60 * MINUTE_MS },
    "How soon a server follows the prices that a project has set on another server.",
  ),
  PROJECT_PRICES_MAX: wholeNumber(
    { default: 1000, min: 1, max: 100_000 },
    "Prices that one project may set, at most.",
  ),
  WORKERS: wholeNumber(
    { default: 1, min: 1, max: 64 },
    "Processes that serve behind the same ports, each with the limits of this table for itself. More than one need DATABASE_URL.",
  ),
  LOG_LEVEL: oneOf(
    "info",
    ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
    "How much is logged, as JSON lines on standard error.",
  ),
  REQUEST_BYTES_MAX: wholeNumber(
    { default: 4 * MIB, min: 1024, max: 64 * MIB },
    "Size of a request, at most. A larger one is INVALID_ARGUMENT.",
  ),
  LEGACY_BYTES_MAX: wholeNumber(
    { default: 64 * MIB, min: 1024, max: 192 * MIB },
    "Size of what may be posted to the legacy routes, at most: a map of 100,000 users has about 21 MB. A larger one is HTTP 400.",
  ),
  REQUEST_BYTES_IN_FLIGHT_MAX: wholeNumber(
    { default: 192 * MIB, min: 64 * MIB, max: 16_384 * MIB },
    "Bytes of all requests that have begun to arrive and are not answered, at most. One more is UNAVAILABLE, reason OVERLOADED.",
  ),
  REQUEST_RECEIVE_MS_MAX: wholeNumber(
    { default: 30_000, min: 100, max: 60 * MINUTE_MS },
    "How long a request may take to arrive. One that takes longer is given up: DEADLINE_EXCEEDED over gRPC, 408 over HTTP.",
  ),
  CONNECTIONS_MAX: wholeNumber(
    { default: 10_000, min: 1, max: 1_000_000 },
    "Connections to each of the two ports, at most. One more is closed at once.",
  ),
  KEEPALIVE_MS: wholeNumber(
    { default: 20_000, min: 100, max: 60 * MINUTE_MS },
    "How long a connection may be silent before it is probed, and may then take to answer before it is closed. WatchBudget over HTTP/1.1, which has no probes of its own, ends after twice this time; its caller goes on from the last version.",
  ),
  ENGINE_BATCH_OPERATIONS_MAX: wholeNumber(
    { default: 1000, min: 1, max: 10_000 },
    "Operations that share one transaction, at most. 1: a transaction each.",
  ),
  ENGINE_BATCHES_IN_FLIGHT_MAX: wholeNumber(
    { default: 2, min: 1, max: 64 },
    "Transactions of the engine at once, at most. Fewer than DATABASE_CONNECTIONS_MAX.",
  ),
  ENGINE_QUEUE_OPERATIONS_MAX: wholeNumber(
    { default: 20_000, min: 1, max: 1_000_000 },
    "Operations that may wait for a batch. One more is UNAVAILABLE.",
  ),
  SWEEP_INTERVAL_MS: wholeNumber(
    { default: MINUTE_MS, min: 100, max: 1440 * MINUTE_MS },
    "How often each server writes down the periods that have ended.",
  ),
  SWEEP_BATCH_BUDGETS_MAX: wholeNumber(
    { default: 500, min: 1, max: 10_000 },
    "Budgets that one transaction of the sweep moves, at most.",
  ),
  LEGACY_SESSION_DAYS: wholeNumber(
    { default: 90, min: 1, max: 3650 },
    "How long it is remembered what a LiteLLM BudgetManager has posted, after its last post. It must load its map again then.",
  ),
  TOKEN_THREADS: wholeNumber({ default: 1, min: 1, max: 64 }, "Threads that count tokens."),
  TOKEN_QUEUE_JOBS_MAX: wholeNumber(
    // Twice the texts of a batch, since a project may hold as much as it leaves free.
    { default: 20_000, min: 4000, max: 1_000_000 },
    "Texts and chats that may wait to be counted or be counted, at most. A project may have as many as it leaves free. One more is UNAVAILABLE.",
  ),
  TOKEN_QUEUE_BYTES_MAX: wholeNumber(
    { default: 512 * MIB, min: 2 * MIB, max: 65_536 * MIB },
    "Bytes of the texts that may wait to be counted or be counted, at most, shared in the same way. At least twice REQUEST_BYTES_MAX.",
  ),
  SHUTDOWN_GRACE_MS: wholeNumber(
    { default: 10_000, min: 0, max: 10 * MINUTE_MS },
    "How long a stopping server finishes the calls that it has begun.",
  ),
} as const satisfies Record<string, Setting<unknown>>;

export type Config = {
  readonly [Name in keyof typeof SETTINGS]: (typeof SETTINGS)[Name] extends Setting<infer T> ? T : never;
};

/**
 * The settings of an environment. An empty value counts as absent.
 *
 * @throws ConfigError naming the variable, the value and what is allowed.
 */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const entries = Object.entries<Setting<unknown>>(SETTINGS).map(([name, setting]) => {
    const given = environment[name];
    if (given === undefined || given === "") return [name, setting.default];
    const value = setting.parse(given);
    if (value === undefined) throw new ConfigError(name, redact(given), setting.allowed);
    return [name, value];
  });
  const config = Object.freeze(Object.fromEntries(entries)) as Config;
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
      `at least twice REQUEST_BYTES_MAX (${config.REQUEST_BYTES_MAX}), so that a request fits beside as much free room`,
    );
  }
  if (config.LEGACY_BYTES_MAX > config.REQUEST_BYTES_IN_FLIGHT_MAX) {
    throw new ConfigError(
      "LEGACY_BYTES_MAX",
      String(config.LEGACY_BYTES_MAX),
      `at most REQUEST_BYTES_IN_FLIGHT_MAX (${config.REQUEST_BYTES_IN_FLIGHT_MAX})`,
    );
  }
  if (config.WORKERS > 1 && config.DATABASE_URL === undefined) {
    throw new ConfigError(
      "WORKERS",
      String(config.WORKERS),
      "1 where DATABASE_URL is absent, since one process at a time may use the embedded store",
    );
  }
  return config;
}

/** `://user:`, after which a URL has a password, or `://host:`, after which it has a port. */
const USER_OR_HOST = /:\/\/[^:@/]*:/g;
const PORT = /^\d{1,5}(?:[/?]|$)/;

/** A URL may hold a password, even a broken one, and that must not reach a log. */
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
    // Without a host, the password stands where a port would.
    if (!PORT.test(value.slice(start, start + 6))) return `${value.slice(0, start)}***`;
  }
  return value;
}
