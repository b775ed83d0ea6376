import type { SecureContextOptions } from "node:tls";
import { type Client, createClient, createRouterTransport, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import pino, { type Logger } from "pino";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { createBytesInFlight } from "../../src/server/bytes-in-flight.ts";
import { LOCAL_CALLER } from "../../src/server/caller.ts";
import { implement } from "../../src/server/connect.ts";
import type { Limits } from "../../src/server/connections.ts";
import { serveGrpc } from "../../src/server/grpc.ts";
import { serveHttp } from "../../src/server/http.ts";
import { NO_LIMITS } from "../../src/server/keys/key-limits.ts";
import { createOriginPolicy } from "../../src/server/origin.ts";
import type { Names } from "../../src/server/permissions.ts";
import {
  type Arrival,
  createPipeline,
  type Handlers,
  type KeyHandlers,
  type TextHandler,
} from "../../src/server/pipeline.ts";
import { DETAIL_TYPES } from "../../src/server/status.ts";
import type { Tls } from "../../src/server/tls.ts";

/** All transports in front of the test's own handlers, for what no real handler does on demand. */
export interface Transports extends AsyncDisposable {
  readonly grpcUrl: string;
  readonly httpUrl: string;
  /** A client of each way in. */
  readonly clients: Readonly<Record<string, Client<typeof BudgetService>>>;
  /** Stops as a server does: streams end, other calls may take `graceMs`. Disposal does the same with 100 ms. */
  stop(graceMs: number): Promise<void>;
}

export async function startTransports(options: {
  handlers: Partial<Handlers>;
  texts?: Readonly<Record<string, (body: string) => Promise<string>>>;
  limits?: Partial<Limits>;
  bytesInFlightMax?: number;
  requestBytesMax?: number;
  tls?: Tls;
  /** What the clients need for TLS. */
  nodeOptions?: SecureContextOptions;
  /** Called with each call. */
  onArrival?: (arrival: Pick<Arrival, "certificate">) => void;
  log?: Logger;
}): Promise<Transports> {
  const { tls } = options;
  const log = options.log ?? pino({ level: "silent" });
  const stopping = new AbortController();
  const pipeline = createPipeline({
    handlers: options.handlers as Handlers & KeyHandlers,
    credentials: {
      admit(arrival) {
        options.onArrival?.(arrival);
        return { caller: LOCAL_CALLER, limits: NO_LIMITS };
      },
      isOpen: () => true,
    },
    permissions: { check: () => true },
    requestBytesMax: options.requestBytesMax ?? 4 << 20,
    texts: Object.fromEntries(
      Object.entries(options.texts ?? {}).map(([path, handle]) => [path, textHandler(handle)]),
    ),
    stopping: stopping.signal,
    log,
  });
  const limits = {
    connectionsMax: 1000,
    requestReceiveMsMax: 30_000,
    keepaliveMs: 20_000,
    ...options.limits,
  };
  const common = {
    pipeline,
    bytesInFlight: createBytesInFlight(options.bytesInFlightMax ?? 256 << 20),
    limits,
    tls,
    host: "127.0.0.1",
    port: 0,
    log,
  };
  const origins = createOriginPolicy({
    hasTls: tls !== undefined,
    host: "127.0.0.1",
    httpHosts: [],
    corsOrigins: [],
  });
  const http = await serveHttp({ ...common, plain: new Map(), origins });
  const grpc = await serveGrpc(common);
  const scheme = tls === undefined ? "http" : "https";
  const grpcUrl = `${scheme}://127.0.0.1:${grpc.port}`;
  const httpUrl = `${scheme}://127.0.0.1:${http.port}`;
  const over = (transport: Transport) => createClient(BudgetService, transport);
  const jsonOptions = { registry: DETAIL_TYPES };
  let stopped: Promise<void> | undefined;
  const stop = (graceMs: number): Promise<void> => {
    stopping.abort();
    stopped ??= Promise.all([http.stop(graceMs), grpc.stop(graceMs)]).then(() => {});
    return stopped;
  };
  const { nodeOptions = {} } = options;
  const web = { baseUrl: httpUrl, httpVersion: "1.1" as const, jsonOptions, nodeOptions };
  return {
    grpcUrl,
    httpUrl,
    clients: {
      gRPC: over(createGrpcTransport({ baseUrl: grpcUrl, nodeOptions })),
      Connect: over(createConnectTransport({ ...web, useBinaryFormat: true })),
      "Connect JSON": over(createConnectTransport({ ...web, useBinaryFormat: false })),
      "gRPC-Web": over(createGrpcWebTransport({ ...web, useBinaryFormat: true })),
      "gRPC-Web JSON": over(createGrpcWebTransport({ ...web, useBinaryFormat: false })),
      "in-process": over(createRouterTransport((router) => implement(router, pipeline.routes))),
    },
    stop,
    [Symbol.asyncDispose]: () => stop(100),
  };
}

const textHandler = (handle: (body: string) => Promise<string>): TextHandler<Names & { body: string }> => ({
  parse: (body) => ({ project: "", body }),
  handle: ({ body }) => handle(body),
});
