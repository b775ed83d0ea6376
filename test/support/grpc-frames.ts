import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from "node:http2";
import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { ErrorInfoSchema } from "../../gen/es/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/es/google/rpc/status_pb.ts";

/** The end of a call, as it is on the wire. */
export interface Ended {
  code: number;
  message: string;
  reason: string | undefined;
  headers: IncomingHttpHeaders;
}

/** gRPC as raw HTTP/2 frames, to send what no client would send, or to read exactly what is sent. */
export interface Frames extends Disposable {
  readonly session: ClientHttp2Session;
  /** Begins a call. Only its headers are sent. */
  begin(path: string, options?: { encoding?: string | undefined; timeout?: string }): ClientHttp2Stream;
  /** Sends a whole body, and returns the end of the call. */
  send(
    path: string,
    body: Uint8Array,
    options?: { encoding?: string | undefined; timeout?: string },
  ): Promise<Ended>;
}

export function openFrames(url: string): Frames {
  // By default, Node.js opens no more streams of its own while more than 10 MB wait to be sent.
  const session = connect(url, { maxSessionMemory: 256 });
  session.on("error", () => {});
  const begin: Frames["begin"] = (path, { encoding, timeout } = {}) =>
    session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...(encoding !== undefined && { "grpc-encoding": encoding }),
      ...(timeout !== undefined && { "grpc-timeout": timeout }),
    });
  return {
    session,
    begin,
    send(path, body, options) {
      const stream = begin(path, options);
      stream.end(body);
      return endOf(stream);
    },
    [Symbol.dispose]: () => session.destroy(),
  };
}

/** Waits for the end of a call. */
export async function endOf(stream: ClientHttp2Stream): Promise<Ended> {
  const headers: IncomingHttpHeaders = {};
  stream.on("response", (given) => Object.assign(headers, given));
  stream.on("trailers", (given) => Object.assign(headers, given));
  stream.on("error", () => {});
  stream.resume();
  if (!stream.closed) await once(stream, "close");
  const details = Buffer.from((headers["grpc-status-details-bin"] ?? "").toString(), "base64");
  const [info] = fromBinary(StatusSchema, details).details.map((detail) =>
    anyUnpack(detail, ErrorInfoSchema),
  );
  return {
    code: Number(headers["grpc-status"]),
    message: decodeURI((headers["grpc-message"] ?? "").toString()),
    reason: info?.reason,
    headers,
  };
}
