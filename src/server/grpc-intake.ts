import {
  constants,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { toBinary } from "@bufbuild/protobuf";
import type { Server, ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js";
import { StatusSchema } from "../../gen/es/google/rpc/status_pb.ts";
import { errorOf, Failure, invalidField } from "../domain/errors.ts";
import type { BytesInFlight, Lease } from "./bytes-in-flight.ts";
import { certificateNames } from "./certificate.ts";
import { type Head, type Pipeline, SERVICES } from "./pipeline.ts";
import { toStatus } from "./status.ts";
import { grpcTimeout, isGrpcTimeout } from "./timeout.ts";

/**
 * Bounds the time and memory of requests while grpc-js receives them. grpc-js buffers each message until it is
 * complete, without a limit on time or on the number of messages, and has no hook before that point.
 */

const OWN_PATHS = SERVICES.map((service) => `/${service.typeName}/`);
const HEAD_BYTES = 5;
const COMPRESSED_FLAG = 1;
const CHECKS_PER_TIMEOUT = 10;

export interface Intake {
  /** Ends all calls in progress. Their clients get CANCELLED. */
  endCalls(): void;
  stop(): void;
}

/** @param server A server that is already bound. */
export function watchIntake(
  server: Server,
  options: {
    admit: Pipeline["admit"];
    bytesMax: number;
    bytesInFlight: BytesInFlight;
    requestReceiveMsMax: number;
  },
): Intake {
  const { admit, bytesMax, bytesInFlight, requestReceiveMsMax } = options;
  // Incomplete requests in order of arrival. They are aged by counting checks, so that a request needs no timer of its
  // own.
  const arriving = new Map<ServerHttp2Stream, number>();
  const calls = new Set<ServerHttp2Stream>();
  let check = 0;
  const timer = setInterval(() => {
    check++;
    for (const [stream, since] of arriving) {
      if (check - since <= CHECKS_PER_TIMEOUT) break;
      arriving.delete(stream);
      refuse(stream, new Failure({ reason: "DEADLINE_EXCEEDED" }));
    }
  }, requestReceiveMsMax / CHECKS_PER_TIMEOUT);
  timer.unref();

  const onStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
    const timeout = headers["grpc-timeout"];
    if (typeof timeout === "string") {
      // grpc-js would answer INTERNAL.
      if (!isGrpcTimeout(timeout))
        return refuse(stream, invalidField("grpc-timeout", "must be up to 8 digits and a unit"));
      headers["grpc-timeout"] = grpcTimeout(timeout);
    }
    const isDecodedByGrpc = OWN_PATHS.every((own) => headers[":path"]?.startsWith(own) === false);
    const lease = bytesInFlight.open();
    arriving.set(stream, check);
    calls.add(stream);
    let bytes = 0;
    let counted = 0;
    stream.on("data", (chunk: Buffer) => {
      if (bytes === 0) {
        addRefusalDetails(stream, chunk, { bytesMax, isDecodedByGrpc });
        // The call of a message that is complete checks its caller itself.
        if (!isDecodedByGrpc && messageLength(chunk) > chunk.length)
          admit(headOf(stream, headers)).catch((thrown: unknown) => refuse(stream, thrown));
      }
      // Takes the room for the whole message at once. Otherwise many large ones would each arrive in part, and all be refused.
      const wanted = Math.max(bytes + chunk.length, counted, bytes === 0 ? lengthIn(chunk, bytesMax) : 0);
      bytes += chunk.length;
      if (!take(lease, wanted - counted, stream)) arriving.delete(stream);
      counted = wanted;
    });
    stream.on("end", () => arriving.delete(stream));
    stream.on("close", () => {
      arriving.delete(stream);
      calls.delete(stream);
      lease.release();
    });
  };
  // Runs before the listener of grpc-js.
  for (const http2Server of http2ServersOf(server)) http2Server.prependListener("stream", onStream);
  return {
    endCalls() {
      for (const stream of calls) stream.close(constants.NGHTTP2_CANCEL);
    },
    stop: () => clearInterval(timer),
  };
}

const headOf = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Head => ({
  isLocal: false,
  address: stream.session?.socket.remoteAddress ?? "",
  header: (name) => headers[name]?.toString(),
  certificate: () => certificateNames(stream.session?.socket),
});

function take(lease: Lease, bytes: number, stream: ServerHttp2Stream): boolean {
  // Bytes after a refusal are dropped.
  if (stream.closed || stream.headersSent) return true;
  try {
    lease.take(bytes);
    return true;
  } catch (thrown) {
    refuse(stream, thrown);
    return false;
  }
}

/** Answers a request before grpc-js has received all of it, and drops the rest. */
function refuse(stream: ServerHttp2Stream, thrown: unknown): void {
  if (stream.closed || stream.destroyed) return;
  if (!stream.headersSent) {
    const type = { ":status": 200, "content-type": "application/grpc+proto" };
    stream.respond({ ...type, ...trailersOf(thrown) }, { endStream: true });
  }
  // grpc-js ignores a stream that is closed. Closing the stream now would drop the headers that are not sent yet.
  Object.defineProperty(stream, "closed", { value: true, configurable: true });
  setImmediate(() => {
    Reflect.deleteProperty(stream, "closed");
    // Answered whole, or its connection gone, it has ended by itself: closing it again would throw.
    if (!stream.destroyed && stream.session?.destroyed === false) stream.close(constants.NGHTTP2_NO_ERROR);
  });
}

function trailersOf(thrown: unknown): OutgoingHttpHeaders {
  const error = errorOf(thrown);
  const status = toStatus(error);
  return {
    "grpc-status": status.code,
    "grpc-message": encodeURI(status.message),
    "grpc-status-details-bin": Buffer.from(toBinary(StatusSchema, status)).toString("base64"),
  };
}

/**
 * grpc-js itself refuses a message that is too large or cannot be decompressed, and, for the health and reflection services, one
 * that cannot be decoded. It sends no details. This adds the code and the details that the other transports send.
 */
function addRefusalDetails(
  stream: ServerHttp2Stream,
  head: Buffer,
  { bytesMax, isDecodedByGrpc }: { bytesMax: number; isDecodedByGrpc: boolean },
): void {
  const length = messageLength(head);
  const isCompressed = (head[0] ?? 0) === COMPRESSED_FLAG;
  if (!isCompressed && !isDecodedByGrpc && length <= bytesMax) return;
  const failureOf = (status: unknown): Failure | undefined => {
    if (length > bytesMax)
      return invalidField("request", `is ${length} bytes, more than the ${bytesMax} allowed`);
    if (status === GRPC_INTERNAL)
      return invalidField("request", isCompressed ? "cannot be decompressed" : "cannot be decoded");
    return status === GRPC_RESOURCE_EXHAUSTED
      ? invalidField("request", `is more than the ${bytesMax} bytes allowed`)
      : undefined;
  };
  const withDetails = (given: OutgoingHttpHeaders | undefined): OutgoingHttpHeaders | undefined => {
    const isOwn = given?.["grpc-status-details-bin"] !== undefined;
    const failure = isOwn ? undefined : failureOf(given?.["grpc-status"]);
    return failure === undefined ? given : { ...given, ...trailersOf(failure) };
  };
  const respond = stream.respond.bind(stream);
  stream.respond = (headers, options) => respond(withDetails(headers as OutgoingHttpHeaders), options);
  // A stream that has answered earlier messages ends with trailers.
  const sendTrailers = stream.sendTrailers.bind(stream);
  stream.sendTrailers = (headers) => sendTrailers(withDetails(headers) ?? {});
}

const messageLength = (head: Buffer): number => (head.length >= HEAD_BYTES ? head.readUInt32BE(1) : 0);

/** The length of a message with its head. 0 if it is more than is allowed, because it is then refused. */
function lengthIn(head: Buffer, bytesMax: number): number {
  const length = messageLength(head);
  return length > bytesMax ? 0 : HEAD_BYTES + length;
}

const GRPC_RESOURCE_EXHAUSTED = 8;
const GRPC_INTERNAL = 13;

/** The HTTP/2 servers of a gRPC server, one for each address of its host name. grpc-js has no public access to them. */
export function http2ServersOf(server: Server): Http2Server[] {
  const { http2Servers } = server as unknown as { http2Servers?: unknown };
  if (!(http2Servers instanceof Map) || http2Servers.size === 0)
    throw new Error("this version of @grpc/grpc-js has no field http2Servers with its HTTP/2 servers");
  return [...http2Servers.keys()] as Http2Server[];
}

/** The connection of a call, while it is open. grpc-js has no public access to it. */
export const socketOf = (
  call: ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>,
): Socket | undefined =>
  (call as unknown as { call: { stream: ServerHttp2Stream } }).call.stream.session?.socket;
