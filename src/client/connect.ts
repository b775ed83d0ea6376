import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";

/** A method for each call of BudgetService, from request to response. They throw ConnectError. */
export type PurserClient = Client<typeof BudgetService>;

export interface PurserClientOptions {
  /** Where the server is. Default: http://127.0.0.1:8080 for Connect, http://127.0.0.1:50051 for gRPC. */
  baseUrl?: string;
  /** What to speak. Default: Connect, which passes whatever HTTP/1.1 passes. */
  protocol?: "connect" | "grpc";
  /** Headers of every call. Those that the protocol itself needs stay as they are. */
  headers?: Readonly<Record<string, string>>;
  /** How long a call may take, in milliseconds. Default: 30,000. */
  timeoutMs?: number;
}

/** Where a server listens unless it was told otherwise. */
export const BASE_URLS = { connect: "http://127.0.0.1:8080", grpc: "http://127.0.0.1:50051" } as const;
const TIMEOUT_MS = 30_000;

/**
 * A client of a Purser server. It holds nothing that needs closing.
 *
 * @throws TypeError where `baseUrl` is no URL of http or https.
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

/** A URL of http or https, as it was given. @throws TypeError */
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
