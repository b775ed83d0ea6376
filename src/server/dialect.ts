import type { IncomingHttpHeaders } from "node:http";
import type { ConnectError } from "@connectrpc/connect";
import { encodeEnvelope, type UniversalServerResponse } from "@connectrpc/connect/protocol";
import {
  codeToHttpStatus,
  endStreamFlag,
  endStreamToJson,
  errorToJsonBytes,
} from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { checkUtf8, JSON_OPTIONS } from "./decode.ts";

/** How an HTTP request encodes its message and which format its answer must have. */
export interface Dialect {
  kind: "Connect" | "Connect stream" | "gRPC-Web";
  isJson: boolean;
  /** Each message follows a head of 5 bytes: flags and a length. */
  isEnveloped: boolean;
  /** The compression of the message. Undefined: none. */
  encoding: string | undefined;
  /** The message of a GET request, which is in the URL. */
  message?: Uint8Array;
}

const CONTENT_TYPE = /^application\/(?:(connect\+)?(proto|json)|(grpc-web)(?:\+(proto|json))?)\s*(?:;|$)/i;

/** Determines the dialect from the headers. Undefined if no RPC has this content type. @throws INVALID_FIELD */
export function dialectOf(method: string, headers: IncomingHttpHeaders, query: string): Dialect | undefined {
  if (method === "GET") return dialectOfQuery(query);
  const [, connectStream, format, grpcWeb, webFormat] =
    CONTENT_TYPE.exec(headers["content-type"] ?? "") ?? [];
  const isJson = (format ?? webFormat ?? "").toLowerCase() === "json";
  const header = (name: string): string | undefined => headers[name] as string | undefined;
  if (grpcWeb !== undefined)
    return { kind: "gRPC-Web", isJson, isEnveloped: true, encoding: header("grpc-encoding") };
  if (connectStream !== undefined)
    return {
      kind: "Connect stream",
      isJson,
      isEnveloped: true,
      encoding: header("connect-content-encoding"),
    };
  if (format === undefined) return undefined;
  return { kind: "Connect", isJson, isEnveloped: false, encoding: header("content-encoding") };
}

/**
 * Parses a GET request of Connect: `?connect=v1&encoding=json&message=...`, with `base64=1` if the message is not plain
 * text.
 */
function dialectOfQuery(query: string): Dialect | undefined {
  const parameters = new Map<string, string>();
  for (const pair of query.split("&")) {
    const [name = "", ...value] = pair.split("=");
    if (!parameters.has(name)) parameters.set(name, value.join("="));
  }
  const text = (name: string): string => textOf(bytesOf(parameters.get(name) ?? ""));
  const format = text("encoding");
  if (format !== "json" && format !== "proto") return undefined;
  const message = bytesOf(parameters.get("message") ?? "");
  return {
    kind: "Connect",
    isJson: format === "json",
    isEnveloped: false,
    encoding: text("compression") || undefined,
    message: text("base64") === "1" ? Buffer.from(textOf(message), "base64url") : message,
  };
}

/** Decodes percent-encoding to bytes. URLSearchParams would replace bytes that are not UTF-8 with U+FFFD. */
const bytesOf = (component: string): Buffer =>
  Buffer.from(
    component
      .replaceAll("+", " ")
      .replace(/%([0-9a-f]{2})/gi, (_match, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );

function textOf(bytes: Buffer): string {
  checkUtf8(bytes);
  return bytes.toString("utf8");
}

/** The uncompressed body that Connect's handlers expect. */
export const bodyOf = (dialect: Dialect, message: Uint8Array): Uint8Array =>
  dialect.isEnveloped ? encodeEnvelope(0, message) : message;

/** Encodes an error in this dialect, for requests that are refused before a handler of Connect runs. */
export function refusalIn(dialect: Dialect, error: ConnectError): UniversalServerResponse {
  const format = dialect.isJson ? "json" : "proto";
  switch (dialect.kind) {
    case "Connect":
      return answer(codeToHttpStatus(error.code), "application/json", errorToJsonBytes(error, JSON_OPTIONS));
    case "Connect stream": {
      const end = JSON.stringify(endStreamToJson(new Headers(), error, JSON_OPTIONS));
      return answer(200, `application/connect+${format}`, encodeEnvelope(endStreamFlag, Buffer.from(end)));
    }
    case "gRPC-Web": {
      const trailer = trailerSerialize(setTrailerStatus(new Headers(), error));
      return answer(200, `application/grpc-web+${format}`, encodeEnvelope(trailerFlag, trailer));
    }
    default: {
      const unreachable: never = dialect.kind;
      return unreachable;
    }
  }
}

const answer = (status: number, contentType: string, bytes: Uint8Array): UniversalServerResponse => ({
  status,
  header: new Headers({ "content-type": contentType, "content-length": String(bytes.length) }),
  body: once(bytes),
});

export async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
