import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { KeyService } from "../../gen/es/budget/v1/key_service_pb.ts";
import { withEnvironmentKey } from "./api-key.ts";

/** A client with one method for each call of BudgetService. The methods throw ConnectError. */
export type PurserClient = Client<typeof BudgetService>;

/** A client with one method for each call of KeyService. The methods throw ConnectError. */
export type PurserKeyClient = Client<typeof KeyService>;

export interface PurserClientOptions {
  /** The server's URL. Default: http://127.0.0.1:8080 for Connect, http://127.0.0.1:50051 for gRPC. */
  baseUrl?: string;
  /** The protocol. Default: Connect, which works through any proxy for HTTP/1.1. */
  protocol?: "connect" | "grpc";
  /**
   * The key, such as `pk_...`. Default: the environment variable PURSER_KEY, unless `headers` contain `authorization`. An
   * empty key counts as absent. Over http, everyone on the way can read the key: use https outside of this machine.
   */
  apiKey?: string;
  /** Headers of every call. They do not override the headers of the protocol. */
  headers?: Readonly<Record<string, string>>;
  /** The timeout of a call, in milliseconds. Default: 30,000. */
  timeoutMs?: number;
}

/** The default addresses of a server. */
export const BASE_URLS = { connect: "http://127.0.0.1:8080", grpc: "http://127.0.0.1:50051" } as const;
const TIMEOUT_MS = 30_000;

/**
 * Creates a client of a Purser server. The client does not have to be closed.
 *
 * @throws TypeError if `baseUrl` is not an http or https URL, if the key is malformed, and for `apiKey` beside a header
 *   `authorization`.
 */
export const createPurserClient = (options: PurserClientOptions = {}): PurserClient =>
  createClient(BudgetService, transportOf(options));

/**
 * Creates a client for the keys and the audit log of a Purser server. Its key must have ROLE_ADMIN or ROLE_OPERATOR. The
 * client does not have to be closed.
 *
 * @throws TypeError as createPurserClient.
 */
export const createPurserKeyClient = (options: PurserClientOptions = {}): PurserKeyClient =>
  createClient(KeyService, transportOf(options));

function transportOf(options: PurserClientOptions): Transport {
  const { protocol = "connect", headers = {}, timeoutMs = TIMEOUT_MS } = options;
  const common = {
    baseUrl: checkUrl("baseUrl", options.baseUrl ?? BASE_URLS[protocol]),
    interceptors: [withHeaders(withEnvironmentKey(options.apiKey, headers))],
    defaultTimeoutMs: timeoutMs,
  };
  return protocol === "grpc"
    ? createGrpcTransport(common)
    : createConnectTransport({ ...common, httpVersion: "1.1" });
}

/** Returns the URL if it is an http or https URL. @throws TypeError */
export function checkUrl(name: string, url: string): string {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    throw new TypeError(`${name}: must be a URL such as ${BASE_URLS.connect}, not ${JSON.stringify(url)}`);
  }
  return url;
}

/** Sets headers that the call does not have yet. */
export const withHeaders =
  (headers: Readonly<Record<string, string>>): Interceptor =>
  (next) =>
  (request) => {
    for (const [name, value] of Object.entries(headers)) {
      if (!request.header.has(name)) request.header.set(name, value);
    }
    return next(request);
  };
