import {
  constants,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { toBinary } from "@bufbuild/protobuf";
import type { Server } from "@grpc/grpc-js";
import { StatusSchema } from "../../gen/es/google/rpc/status_pb.ts";
import { errorOf, Failure, invalidField } from "../domain/errors.ts";
import type { BytesInFlight, Lease } from "./bytes-in-flight.ts";
import { toStatus } from "./status.ts";
import { grpcTimeout } from "./timeout.ts";

/**
 * Watches requests on their way into grpc-js, which keeps a message until it is whole, however long that takes and however many
 * there are, and has no hook before that.
 */

const HEAD_BYTES = 5;
const COMPRESSED_FLAG = 1;
const LOOKS_EACH_WAIT = 10;

export interface Intake {
  stop(): void;
}

/** @param server Bound already. */
export function watchIntake(
  server: Server,
  options: { bytesMax: number; bytesInFlight: BytesInFlight; requestReceiveMsMax: number },
): Intake {
  const { bytesMax, bytesInFlight, requestReceiveMsMax } = options;
  // Those that are not whole, in the order of their beginnings. `look` counts, so that a request costs no timer of its own.
  const arriving = new Map<ServerHttp2Stream, number>();
  let look = 0;
  const timer = setInterval(() => {
    look++;
    for (const [stream, since] of arriving) {
      if (look - since <= LOOKS_EACH_WAIT) break;
      arriving.delete(stream);
      refuse(stream, new Failure({ reason: "DEADLINE_EXCEEDED" }));
    }
  }, requestReceiveMsMax / LOOKS_EACH_WAIT);
  timer.unref();

  const onStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
    const timeout = headers["grpc-timeout"];
    if (typeof timeout === "string") headers["grpc-timeout"] = grpcTimeout(timeout);
    const lease = bytesInFlight.open();
    arriving.set(stream, look);
    let bytes = 0;
    stream.on("data", (chunk: Buffer) => {
      if (bytes === 0) explainRefusals(stream, chunk, bytesMax);
      bytes += chunk.length;
      if (!take(lease, chunk.length, stream)) arriving.delete(stream);
    });
    stream.on("end", () => arriving.delete(stream));
    stream.on("close", () => {
      arriving.delete(stream);
      lease.release();
    });
  };
  // Before grpc-js gets to see the stream.
  for (const http2Server of http2ServersOf(server)) http2Server.prependListener("stream", onStream);
  return { stop: () => clearInterval(timer) };
}

function take(lease: Lease, bytes: number, stream: ServerHttp2Stream): boolean {
  // What comes after a refusal is dropped.
  if (stream.closed || stream.headersSent) return true;
  try {
    lease.take(bytes);
    return true;
  } catch (thrown) {
    refuse(stream, thrown);
    return false;
  }
}

/** Answers a request before grpc-js has it whole, and drops the rest of it. */
function refuse(stream: ServerHttp2Stream, thrown: unknown): void {
  if (stream.closed || stream.destroyed) return;
  if (!stream.headersSent) {
    const type = { ":status": 200, "content-type": "application/grpc+proto" };
    stream.respond({ ...type, ...trailersOf(thrown) }, { endStream: true });
  }
  // grpc-js does nothing more for a stream that is closed. It must not be closed yet, since that drops headers that are not sent.
  Object.defineProperty(stream, "closed", { value: true, configurable: true });
  setImmediate(() => {
    Reflect.deleteProperty(stream, "closed");
    stream.close(constants.NGHTTP2_NO_ERROR);
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
 * grpc-js refuses a message that is too large, or cannot be decompressed, by itself and without details. The answer to such a
 * message gets the code and the details that it has over every other transport.
 */
function explainRefusals(stream: ServerHttp2Stream, head: Buffer, bytesMax: number): void {
  const length = head.length >= HEAD_BYTES ? head.readUInt32BE(1) : 0;
  const isCompressed = (head[0] ?? 0) === COMPRESSED_FLAG;
  if (!isCompressed && length <= bytesMax) return;
  const why = (status: unknown): Failure | undefined => {
    if (length > bytesMax)
      return invalidField("request", `is ${length} bytes, more than the ${bytesMax} allowed`);
    if (status === GRPC_INTERNAL) return invalidField("request", "cannot be decompressed");
    return status === GRPC_RESOURCE_EXHAUSTED
      ? invalidField("request", `is more than the ${bytesMax} bytes allowed`)
      : undefined;
  };
  const respond = stream.respond.bind(stream);
  stream.respond = (headers, options) => {
    const given = headers as OutgoingHttpHeaders | undefined;
    const isOwn = given?.["grpc-status-details-bin"] !== undefined;
    const failure = isOwn ? undefined : why(given?.["grpc-status"]);
    respond(failure === undefined ? given : { ...given, ...trailersOf(failure) }, options);
  };
}

const GRPC_RESOURCE_EXHAUSTED = 8;
const GRPC_INTERNAL = 13;

/** The servers below grpc-js, one for each address that the host name has. They are private to it, and there is no other way. */
export function http2ServersOf(server: Server): Http2Server[] {
  const { http2Servers } = server as unknown as { http2Servers?: unknown };
  if (!(http2Servers instanceof Map) || http2Servers.size === 0)
    throw new Error("this version of @grpc/grpc-js keeps its HTTP/2 servers elsewhere");
  return [...http2Servers.keys()] as Http2Server[];
}
