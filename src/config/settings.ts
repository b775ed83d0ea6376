import {
  filePath,
  list,
  oneOf,
  operatorKey,
  optionalText,
  postgresUrl,
  type Setting,
  text,
  wholeNumber,
} from "./kinds.ts";

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
    "Port of gRPC. 0 takes a free port and prints it.",
  ),
  HTTP_PORT: wholeNumber(
    { default: 8080, min: 0, max: 65535 },
    "Port of Connect, gRPC-Web, the legacy routes and the health checks. 0 takes a free port and prints it.",
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
  TLS_CERT_FILE: filePath(
    "Certificate of the server in PEM, followed by the intermediate certificates. With it, both ports speak TLS 1.2 or later, and nothing else. Required with TLS_KEY_FILE. The files are read again when they change, and on SIGHUP.",
  ),
  TLS_KEY_FILE: filePath(
    "Private key of TLS_CERT_FILE in PEM, without a passphrase. Required with TLS_CERT_FILE.",
  ),
  TLS_CLIENT_CA_FILE: filePath(
    "Certificates in PEM of the authorities that sign client certificates. With it, a client certificate is accepted as a key. Requires TLS_CERT_FILE.",
  ),
  PURSER_OPERATOR_KEY: operatorKey,
  INSECURE: oneOf(
    "0",
    ["0", "1"],
    "1 lets a server without any key listen on an address that is not loopback. Everybody who reaches it may do everything.",
  ),
  AUTH_JWKS_URL: optionalText(
    "an http or https URL",
    "Public keys of an issuer of JWTs, as a JSON Web Key Set. Its tokens are then accepted as keys.",
    /^https?:\/\/\S{1,2000}$/,
  ),
  AUTH_JWT_ISSUER: optionalText(
    "text without spaces",
    "The claim `iss` that a JWT must have. Required with AUTH_JWKS_URL.",
    /^\S{1,2000}$/,
  ),
  AUTH_JWT_AUDIENCE: optionalText(
    "text without spaces",
    "The claim `aud` that a JWT must have. Required with AUTH_JWKS_URL.",
    /^\S{1,2000}$/,
  ),
  DATABASE_URL: postgresUrl,
  DATABASE_CONNECTIONS_MAX: wholeNumber(
    { default: 10, min: 3, max: 1000 },
    "Maximum number of connections to PostgreSQL.",
  ),
  DATABASE_RETRY_MS_MAX: wholeNumber(
    { default: 10_000, min: 0, max: 10 * MINUTE_MS },
    "How long a batch is retried while PostgreSQL cannot be reached. After that, its callers get UNAVAILABLE.",
  ),
  DATABASE_TIMEOUT_MS: wholeNumber(
    { default: 5_000, min: 100, max: 10 * MINUTE_MS },
    "How long PostgreSQL may take to answer a statement. After that, the connection is closed and the batch is retried.",
  ),
  DATA_DIR: text(
    "./data",
    "the path of a folder",
    "Folder of the embedded store. Used if DATABASE_URL is absent.",
    // biome-ignore format: one class
    /^[^\0]{1,4096}$/,
  ),
  PRICES_FILE: filePath(
    "Prices in the format of LiteLLM's model_prices_and_context_window.json. They take precedence over Purser's own. The file is read again when it changes, and on SIGHUP.",
  ),
  PRICES_REFRESH_MS: wholeNumber(
    { default: 1000, min: 0, max: 60 * MINUTE_MS },
    "How soon a server applies prices that a project set on another server.",
  ),
  PROJECT_PRICES_MAX: wholeNumber(
    { default: 1000, min: 1, max: 100_000 },
    "Maximum number of prices that one project may set.",
  ),
  WORKERS: wholeNumber(
    { default: 1, min: 1, max: 64 },
    "Processes that serve the same ports. Each has all the limits of this table for itself. More than one require DATABASE_URL.",
  ),
  LOG_LEVEL: oneOf(
    "info",
    ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
    "Minimum level of the log, which is written as JSON lines to standard error.",
  ),
  REQUEST_BYTES_MAX: wholeNumber(
    { default: 4 * MIB, min: 1024, max: 64 * MIB },
    "Maximum size of a request. A larger one is INVALID_ARGUMENT. At most half of REQUEST_BYTES_IN_FLIGHT_MAX.",
  ),
  LEGACY_BYTES_MAX: wholeNumber(
    { default: 32 * MIB, min: 1024, max: 192 * MIB },
    "Size of what may be posted to the legacy routes, at most: a map of 100,000 users has about 21 MB, and 29 MB with what Purser adds. A larger one is HTTP 400. At most half of REQUEST_BYTES_IN_FLIGHT_MAX.",
  ),
  REQUEST_BYTES_IN_FLIGHT_MAX: wholeNumber(
    { default: 64 * MIB, min: 2 * MIB, max: 16_384 * MIB },
    "Bytes of all requests that have begun to arrive and are not answered, at most. Requests of more than 64 KiB may take seven eighths of it. One more is UNAVAILABLE, reason OVERLOADED. The server takes several times as much memory.",
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
    "Maximum number of operations in one transaction. 1: one transaction for each operation.",
  ),
  ENGINE_BATCHES_IN_FLIGHT_MAX: wholeNumber(
    { default: 2, min: 1, max: 64 },
    "Maximum number of the engine's transactions at the same time. One more runs beside them for projects that have none. Must be less than DATABASE_CONNECTIONS_MAX.",
  ),
  ENGINE_QUEUE_OPERATIONS_MAX: wholeNumber(
    { default: 20_000, min: 1, max: 1_000_000 },
    "Maximum number of operations that wait for a batch. A project may have as many as it leaves free. The next one is UNAVAILABLE.",
  ),
  SWEEP_INTERVAL_MS: wholeNumber(
    { default: MINUTE_MS, min: 100, max: 1440 * MINUTE_MS },
    "How often each server records the periods that have ended.",
  ),
  SWEEP_BATCH_BUDGETS_MAX: wholeNumber(
    { default: 500, min: 1, max: 10_000 },
    "Maximum number of budgets in one transaction of the sweep.",
  ),
  WATCH_POLL_MS: wholeNumber(
    { default: 2_000, min: 100, max: 1440 * MINUTE_MS },
    "How often WatchBudget looks at a budget without a notification. Notifications may be lost, and none arrive through a pooler in transaction mode.",
  ),
  LEGACY_SESSION_DAYS: wholeNumber(
    { default: 90, min: 1, max: 3650 },
    "How long the server remembers a LiteLLM BudgetManager's posts, counted from its last post. After that, the BudgetManager must load its map again.",
  ),
  TOKEN_THREADS: wholeNumber({ default: 1, min: 1, max: 64 }, "Threads that count tokens."),
  TOKEN_QUEUE_JOBS_MAX: wholeNumber(
    // Twice the maximum texts of a batch, because a project may hold only as much as it leaves free.
    { default: 20_000, min: 4000, max: 1_000_000 },
    "Maximum number of texts and chats that wait to be counted or are being counted. A project may have as many as it leaves free. The next one is UNAVAILABLE.",
  ),
  TOKEN_QUEUE_BYTES_MAX: wholeNumber(
    { default: 512 * MIB, min: 2 * MIB, max: 65_536 * MIB },
    "Maximum bytes of the texts that wait to be counted or are being counted. Shared in the same way. At least twice REQUEST_BYTES_MAX.",
  ),
  SHUTDOWN_GRACE_MS: wholeNumber(
    { default: 10_000, min: 0, max: 10 * MINUTE_MS },
    "How long a server that is stopping may finish the calls in progress.",
  ),
} as const satisfies Record<string, Setting<unknown>>;
