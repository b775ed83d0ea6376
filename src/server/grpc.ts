import type { Http2SecureServer } from "node:http2";
import type { Socket } from "node:net";
import type { DescFile } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import * as grpc from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation } from "grpc-health-check";
import type { Logger } from "pino";
import { StatusSchema } from "../../gen/es/google/rpc/status_pb.ts";
import type { BudgetError } from "../domain/errors.ts";
import type { Abandoned } from "../engine/commit/submitted.ts";
import type { BytesInFlight } from "./bytes-in-flight.ts";
import { certificateNames } from "./certificate.ts";
import { boundConnections, type Limits, type Listener, trackSockets } from "./connections.ts";
import { decode } from "./decode.ts";
import { http2ServersOf, type Intake, socketOf, watchIntake } from "./grpc-intake.ts";
import {
  type Arrival,
  type Pipeline,
  type Route,
  SERVICES,
  type StreamRoute,
  type UnaryRoute,
} from "./pipeline.ts";
import { encode } from "./slices.ts";
import { codeOf, toStatus } from "./status.ts";
import type { Tls } from "./tls.ts";

// More streams than one client needs, and few enough that one connection cannot exhaust the server's memory with calls
// that never start.
const STREAMS_PER_CONNECTION_MAX = 10_000;

// grpc-js would also write to standard error what it throws, regardless of the log level.
grpc.setLogVerbosity(grpc.logVerbosity.NONE);

/**
 * Serves the routes as native gRPC, with health checks and reflection. Requests need no check of their origin here: web
 * browsers use HTTP/2 only over TLS and send no gRPC requests.
 */
export async function serveGrpc(options: {
  pipeline: Pipeline;
  bytesInFlight: BytesInFlight;
  limits: Limits;
  /** Undefined: without TLS. */
  tls?: Tls | undefined;
  host: string;
  port: number;
  log: Logger;
}): Promise<Listener> {
  const { pipeline, bytesInFlight, limits, tls, log } = options;
  const bytesMax = Math.max(...pipeline.routes.map((route) => route.bytesMax));
  const server = new grpc.Server({
    "grpc.max_receive_message_length": bytesMax,
    "grpc.max_concurrent_streams": STREAMS_PER_CONNECTION_MAX,
    "grpc.keepalive_time_ms": limits.keepaliveMs,
    "grpc.keepalive_timeout_ms": limits.keepaliveMs,
    // Channelz counts every call for a debugging service that Purser does not serve.
    "grpc.enable_channelz": 0,
  });
  const healthNames = ["", ...SERVICES.map((service) => service.typeName)];
  const health = new HealthImplementation(Object.fromEntries(healthNames.map((name) => [name, "SERVING"])));
  health.addToServer(server);
  addReflection(server);
  for (const routes of Map.groupBy(pipeline.routes, ({ method }) => method.parent).values())
    addRoutes(server, routes);
  const { requestReceiveMsMax } = limits;
  const credentials =
    tls === undefined
      ? grpc.ServerCredentials.createInsecure()
      : new TlsCredentials(tls.serverOptions(requestReceiveMsMax));
  const port = await bind(server, `${bracketed(options.host)}:${options.port}`, credentials);
  const sockets = http2ServersOf(server).map((http2Server) => {
    boundConnections(http2Server, limits, log);
    tls?.follow(http2Server as Http2SecureServer);
    return trackSockets(http2Server);
  });
  const intake = watchIntake(server, {
    admit: pipeline.admit,
    bytesMax,
    bytesInFlight,
    requestReceiveMsMax,
  });
  return {
    port,
    async stop(graceMs) {
      for (const name of healthNames) health.setStatus(name, "NOT_SERVING");
      await shutDown(server, intake, sockets, graceMs);
      intake.stop();
    },
  };
}

const bracketed = (host: string): string => (host.includes(":") ? `[${host}]` : host);

/**
 * grpc-js's own credentials cannot say that a client certificate is optional. New certificates are given to its HTTP/2 servers
 * directly.
 */
class TlsCredentials extends grpc.ServerCredentials {
  constructor(options: ReturnType<Tls["serverOptions"]>) {
    // grpc-js drops connections while the second argument is missing.
    super(options, {});
  }

  override _equals(other: grpc.ServerCredentials): boolean {
    return this === other;
  }
}

const bind = (server: grpc.Server, address: string, credentials: grpc.ServerCredentials): Promise<number> =>
  new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) =>
      error === null ? resolve(port) : reject(asSystemError(error)),
    );
  });

/** Restores the system error, with its code, that grpc-js wraps into a text of its own. */
function asSystemError(error: Error): Error {
  const [, message, code] =
    /\[((?:listen|bind|getaddrinfo) (E[A-Z]+)(?:[^A-Z[\]][^[\]]*)?)\]/.exec(error.message) ?? [];
  return message === undefined ? error : Object.assign(new Error(message, { cause: error }), { code });
}

/** How long the clients of ended calls may take to read that, before their connections are closed. */
const CLOSING_MS = 100;

async function shutDown(
  server: grpc.Server,
  intake: Intake,
  sockets: readonly ReadonlySet<Socket>[],
  graceMs: number,
): Promise<void> {
  const graceful = Promise.withResolvers<void>();
  server.tryShutdown(() => graceful.resolve());
  let timer = setTimeout(() => {
    // If grpc-js ended the calls, clients would take that for an end without an error, and some would wait for more.
    intake.endCalls();
    timer = setTimeout(() => {
      server.forceShutdown();
      // grpc-js only ends the server's side of the connections.
      for (const each of sockets) for (const socket of each) socket.destroy();
      // After a forced shutdown, grpc-js does not call the callback of the graceful shutdown.
      graceful.resolve();
    }, CLOSING_MS);
  }, graceMs);
  await graceful.promise;
  clearTimeout(timer);
}

/** Adds the routes of one service. */
function addRoutes(server: grpc.Server, routes: readonly Route[]): void {
  const definitions: Record<string, grpc.MethodDefinition<Buffer, Buffer>> = {};
  const implementations: Record<string, grpc.UntypedHandleCall> = {};
  for (const route of routes) {
    const { name, parent } = route.method;
    definitions[name] = {
      path: `/${parent.typeName}/${name}`,
      requestStream: false,
      responseStream: "open" in route,
      // grpc-js passes bytes through. `answer` and `stream` decode them, so that a malformed message becomes Purser's
      // own error.
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    };
    implementations[name] =
      "open" in route
        ? (call: StreamCall) => void stream(route, call)
        : (call: UnaryCall, callback: grpc.sendUnaryData<Buffer>) => void answer(route, call, callback);
  }
  server.addService(definitions, implementations);
}

type UnaryCall = grpc.ServerUnaryCall<Buffer, Buffer>;
type StreamCall = grpc.ServerWritableStream<Buffer, Buffer>;

/** Views the bytes as a Buffer without copying them, because grpc-js requires a Buffer. */
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const identity = (bytes: Buffer): Buffer => bytes;

async function answer(
  route: UnaryRoute,
  call: UnaryCall,
  callback: grpc.sendUnaryData<Buffer>,
): Promise<void> {
  try {
    const { method } = route;
    const response = await route.call(decode(method.input, call.request, false), new GrpcArrival(call));
    callback(null, asBuffer(await encode(method.output, create(method.output, response as never))));
  } catch (thrown) {
    callback(toServiceError(route.fail(thrown)));
  }
}

async function stream(route: StreamRoute, call: StreamCall): Promise<void> {
  try {
    const { method } = route;
    const request = decode(method.input, call.request, false);
    for await (const response of route.open(request, new GrpcArrival(call))) {
      const bytes = asBuffer(toBinary(method.output, create(method.output, response as never)));
      // Waits for a slow reader, so that messages do not accumulate in memory.
      if (!call.write(bytes)) await drained(call);
      if (call.cancelled) return;
    }
    call.end();
  } catch (thrown) {
    call.emit("error", toServiceError(route.fail(thrown)));
  }
}

/** Resolves when the stream can be written again or the call is cancelled. */
const drained = (call: StreamCall): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      call.off("drain", done).off("cancelled", done);
      resolve();
    };
    call.on("drain", done).on("cancelled", done);
    if (call.cancelled) done();
  });

class GrpcArrival implements Arrival {
  readonly bytes: number;
  readonly isLocal = false;
  readonly abandoned: Abandoned;
  readonly #call: UnaryCall | StreamCall;
  #controller: AbortController | undefined;

  constructor(call: UnaryCall | StreamCall) {
    this.bytes = call.request.length;
    this.#call = call;
    this.abandoned = () => {
      const deadline = call.getDeadline();
      if (Number(deadline) <= Date.now()) return "DEADLINE_EXCEEDED";
      return call.cancelled ? "CANCELLED" : undefined;
    };
  }

  get address(): string {
    // An address and its port.
    return this.#call.getPeer().replace(/:\d+$/, "");
  }

  header(name: string): string | undefined {
    const values = this.#call.metadata.get(name);
    return values.length === 0 ? undefined : values.join(", ");
  }

  certificate(): readonly string[] | undefined {
    return certificateNames(socketOf(this.#call));
  }

  /** Created on first use, because most calls do not use it. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      if (this.#call.cancelled) controller.abort();
      // Both kinds of calls are event emitters, but the type of one of them does not say so.
      (this.#call as UnaryCall).on("cancelled", () => controller.abort());
      this.#controller = controller;
    }
    return this.#controller.signal;
  }
}

function toServiceError(error: BudgetError): grpc.ServiceError {
  const status = toStatus(error);
  const metadata = new grpc.Metadata();
  metadata.set("grpc-status-details-bin", asBuffer(toBinary(StatusSchema, status)));
  // Connect and gRPC use the same numbers for codes.
  const code: number = codeOf(error);
  return Object.assign(new Error(status.message), { code, details: status.message, metadata });
}

/** Serves the services' proto files and their imports, so that `grpcurl` and `buf curl` work without a local schema. */
function addReflection(server: grpc.Server): void {
  const files = new Set<DescFile>();
  const collect = (file: DescFile): void => {
    if (files.has(file)) return;
    file.dependencies.forEach(collect);
    files.add(file);
  };
  for (const service of SERVICES) collect(service.file);
  const fileDescriptorProtos = [...files].map((file) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)),
  );
  const services = SERVICES.map((service) => service.typeName);
  const root = Object.fromEntries(services.map((name) => [name, { fileDescriptorProtos }]));
  new ReflectionService(root as never, { services }).addToServer(server);
}
