import { once } from "node:events";
import type { DescFile } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import * as grpc from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation } from "grpc-health-check";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { type BudgetError, Failure, invalidField } from "../domain/errors.ts";
import type { Abandoned } from "../engine/commit/engine.ts";
import type { Route, StreamRoute, UnaryRoute } from "./pipeline.ts";
import { codeOf, toStatusBytes } from "./status.ts";

/** A listening transport. */
export interface Listener {
  port: number;
  /** Refuses new calls, finishes those begun, and gives up on them after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

// Above what the pipeline allows, so that the pipeline can say what is wrong with a request that is too large.
const TRANSPORT_BYTES_FACTOR = 4;

// It would write to standard error what it also throws, past the log and its level.
grpc.setLogVerbosity(grpc.logVerbosity.NONE);

/** Serves the routes as native gRPC, with health checks and reflection. */
export async function serveGrpc(options: {
  routes: readonly Route[];
  host: string;
  port: number;
  requestBytesMax: number;
}): Promise<Listener> {
  const server = new grpc.Server({
    "grpc.max_receive_message_length": options.requestBytesMax * TRANSPORT_BYTES_FACTOR,
    // Counts every call for a debugging service that is not served.
    "grpc.enable_channelz": 0,
  });
  const health = new HealthImplementation({ "": "SERVING", [BudgetService.typeName]: "SERVING" });
  health.addToServer(server);
  addReflection(server);
  addRoutes(server, options.routes);
  const port = await bind(server, `${bracketed(options.host)}:${options.port}`);
  return {
    port,
    async stop(graceMs) {
      health.setStatus("", "NOT_SERVING");
      health.setStatus(BudgetService.typeName, "NOT_SERVING");
      await shutDown(server, graceMs);
    },
  };
}

const bracketed = (host: string): string => (host.includes(":") ? `[${host}]` : host);

const bind = (server: grpc.Server, address: string): Promise<number> =>
  new Promise((resolve, reject) => {
    server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(asSystemError(error)),
    );
  });

/** grpc-js wraps what the system said into a sentence of its own, without the code. */
function asSystemError(error: Error): Error {
  const [, message, code] =
    /\[((?:listen|bind|getaddrinfo) (E[A-Z]+)(?:[^A-Z[\]][^[\]]*)?)\]/.exec(error.message) ?? [];
  return message === undefined ? error : Object.assign(new Error(message, { cause: error }), { code });
}

async function shutDown(server: grpc.Server, graceMs: number): Promise<void> {
  const graceful = Promise.withResolvers<void>();
  server.tryShutdown(() => graceful.resolve());
  // A forced shutdown does not call back whoever tried a graceful one.
  const timer = setTimeout(() => {
    server.forceShutdown();
    graceful.resolve();
  }, graceMs);
  await graceful.promise;
  clearTimeout(timer);
}

function addRoutes(server: grpc.Server, routes: readonly Route[]): void {
  const definitions: Record<string, grpc.MethodDefinition<Buffer, Buffer>> = {};
  const implementations: Record<string, grpc.UntypedHandleCall> = {};
  for (const route of routes) {
    const { name, parent } = route.method;
    definitions[name] = {
      path: `/${parent.typeName}/${name}`,
      requestStream: false,
      responseStream: "open" in route,
      // Bytes in, bytes out: messages are read in `answer`, where a malformed one becomes an error of ours.
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

/** The same bytes: grpc-js takes nothing else. */
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const identity = (bytes: Buffer): Buffer => bytes;

async function answer(
  route: UnaryRoute,
  call: UnaryCall,
  callback: grpc.sendUnaryData<Buffer>,
): Promise<void> {
  try {
    const { method } = route;
    const request = decode(method.input, call.request);
    const response = await route.call(request, call.request.length, contextOf(call));
    callback(null, asBuffer(toBinary(method.output, create(method.output, response as never))));
  } catch (thrown) {
    callback(toServiceError(thrown instanceof Failure ? thrown.error : { reason: "INTERNAL" }));
  }
}

async function stream(route: StreamRoute, call: StreamCall): Promise<void> {
  try {
    const { method } = route;
    const request = decode(method.input, call.request);
    for await (const response of route.open(request, call.request.length, contextOf(call))) {
      const bytes = asBuffer(toBinary(method.output, create(method.output, response as never)));
      // A slow reader is waited for: nothing piles up.
      if (!call.write(bytes)) await Promise.race([once(call, "drain"), once(call, "cancelled")]);
    }
    call.end();
  } catch (thrown) {
    call.emit("error", toServiceError(thrown instanceof Failure ? thrown.error : { reason: "INTERNAL" }));
  }
}

function decode(input: Route["method"]["input"], bytes: Buffer): unknown {
  try {
    return fromBinary(input, bytes);
  } catch (error) {
    throw invalidField("request", `is not a ${input.typeName}: ${(error as Error).message}`);
  }
}

function contextOf(call: UnaryCall | (StreamCall & { on: UnaryCall["on"] })): {
  abandoned: Abandoned;
  signal: AbortSignal;
} {
  let controller: AbortController | undefined;
  return {
    abandoned: () => {
      const deadline = call.getDeadline();
      if (Number(deadline) <= Date.now()) return "DEADLINE_EXCEEDED";
      return call.cancelled ? "CANCELLED" : undefined;
    },
    // Made only for a handler that asks: most calls never need one.
    get signal() {
      if (controller === undefined) {
        controller = new AbortController();
        if (call.cancelled) controller.abort();
        call.on("cancelled", () => controller?.abort());
      }
      return controller.signal;
    },
  };
}

function toServiceError(error: BudgetError): grpc.ServiceError {
  const metadata = new grpc.Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(toStatusBytes(error)));
  const failure = new Failure(error);
  // Connect and gRPC number their codes alike.
  const code: number = codeOf(error);
  return Object.assign(failure, { code, details: failure.message, metadata });
}

/** The service's files and all that they import, for `grpcurl` and `buf curl` without a schema at hand. */
function addReflection(server: grpc.Server): void {
  const files = new Set<DescFile>();
  const collect = (file: DescFile): void => {
    if (files.has(file)) return;
    file.dependencies.forEach(collect);
    files.add(file);
  };
  collect(BudgetService.file);
  const fileDescriptorProtos = [...files].map((file) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)),
  );
  const services = [BudgetService.typeName];
  const root = { [BudgetService.typeName]: { fileDescriptorProtos } };
  new ReflectionService(root as never, { services }).addToServer(server);
}
