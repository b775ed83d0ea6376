import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";

/** A client with one method for each call of BudgetService. The methods throw ConnectError. */
export type PurserClient = Client<typeof BudgetService>;

export interface PurserClientOptions {
  /** The server's URL. Default: http://127.0.0.1:8080 for Connect, http://127.0.0.1:50051 for gRPC. */
  baseUrl?: string;
  /** The protocol. Default: Connect, which works through any proxy for HTTP/1.1. */
  protocol?: "connect" | "grpc";
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
 * @throws TypeError if `baseUrl` is not an http or https URL.
 */
export function createPurserClient(options: PurserClientOptions = {}): PurserClient {
  const { protocol = "connect", headers = {}, timeoutMs = TIMEOUT_MS } = options;
  const common = {
    baseUrl: checkUrl("baseUrl", options.baseUrl ?? BASE_URLS[protocol]),
    interceptors: [withHeaders(headers)],
    defaultTimeoutMs: timeoutMs,
  };
  const transport =
    protocol === "grpc"
      ? createGrpcTransport(common)
      : createConnectTransport({ ...common, httpVersion: "1.1" });
  return createClient(BudgetService, transport);
}

/** Returns the URL if it is an http or https URL. @throws TypeError */
export function checkUrl(name: string, url: string): string {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    throw new TypeError(`${name}: must be a URL such as ${BASE_URLS.connect}, not ${JSON.stringify(url)}`);
  }
  return url;
}

const withHeaders =
  (headers: Readonly<Record<string, string>>): Interceptor =>
  (next) =>
  (request) => {
    for (const [name, value] of Object.entries(headers)) {
      if (!request.header.has(name)) request.header.set(name, value);
    }
    return next(request);
  };
