import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { createContextValues } from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { Aborted, dropRest, readMessage } from "./body.ts";
import type { Lease } from "./bytes-in-flight.ts";
import { HTTP_CALL, type HttpCall } from "./connect.ts";
import { decode } from "./decode.ts";
import { bodyOf, type Dialect, dialectOf, once, refusalIn } from "./dialect.ts";
import { CHALLENGE, headOf, UNAUTHORIZED } from "./http-head.ts";
import type { Pipeline, Route } from "./pipeline.ts";
import { toConnectError } from "./status.ts";
import { connectTimeout, grpcTimeout } from "./timeout.ts";

/**
 * Serves a method as Connect and gRPC-Web. The message is read here, so that it is bounded, decompressed and checked in
 * the same manner for all dialects. Connect's handler gets the plain message.
 *
 * @param streamMs How long a stream lasts. Its caller then resumes from the last version that it received.
 */
export async function answerRpc(
  { route, handler }: { route: Route; handler: UniversalHandler },
  request: IncomingMessage,
  response: ServerResponse,
  { admit, lease, streamMs }: { admit: Pipeline["admit"]; lease: Lease; streamMs: number },
): Promise<void> {
  const [path = "", query = ""] = splitOnce(request.url ?? "", "?");
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  let dialect: Dialect | undefined;
  let answered: UniversalServerResponse;
  try {
    dialect = dialectOf(request.method ?? "", request.headers, query);
    await admit(headOf(request));
    const message = dialect && (await readMessage(request, dialect, { bytesMax: route.bytesMax, lease }));
    const call: HttpCall = {
      bytes: message?.length ?? 0,
      address: request.socket.remoteAddress ?? "",
      socket: request.socket,
      streamMs,
      isReached: false,
    };
    // Connect reports undecodable messages without the path of the field, and cannot write an error with half a character.
    // `decode` throws the error that all transports send.
    const decodeUnreached = (): void => {
      if (dialect && message && !call.isReached) decode(route.method.input, message, dialect.isJson);
    };
    answered = await handler({
      httpVersion: request.httpVersion,
      method: request.method ?? "",
      url: `http://localhost${path}${queryOf(dialect, message)}`,
      header: headersOf(request.headers),
      body: once(dialect && message ? bodyOf(dialect, message) : new Uint8Array()),
      signal: gone.signal,
      contextValues: createContextValues().set(HTTP_CALL, call),
    }).finally(decodeUnreached);
  } catch (thrown) {
    if (thrown instanceof Aborted || gone.signal.aborted) return;
    lease.release();
    await dropRest(request);
    answered = refusalIn(dialect ?? PLAIN, toConnectError(route.fail(thrown)));
  }
  await send(answered, response);
}

const PLAIN: Dialect = { kind: "Connect", isJson: true, isEnveloped: false, encoding: undefined };

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** The query of a GET request, with the message as it was read. */
function queryOf(dialect: Dialect | undefined, message: Uint8Array | undefined): string {
  if (dialect?.message === undefined || message === undefined) return "";
  const encoding = dialect.isJson ? "json" : "proto";
  return `?connect=v1&encoding=${encoding}&base64=1&message=${Buffer.from(message).toString("base64url")}`;
}

// Headers that describe the encoded body. Connect's handler gets the decoded message.
const ENCODINGS = new Set([
  "content-encoding",
  "connect-content-encoding",
  "grpc-encoding",
  "content-length",
]);

function headersOf(headers: IncomingHttpHeaders): Headers {
  const kept = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !ENCODINGS.has(name)) kept.set(name, timeoutIn(name, value.toString()));
  }
  return kept;
}

/** Limits the value of a timeout header to what a timer supports. Other headers are unchanged. */
function timeoutIn(name: string, value: string): string {
  if (name === "connect-timeout-ms") return connectTimeout(value);
  return name === "grpc-timeout" ? grpcTimeout(value) : value;
}

/** Writes an answer with backpressure. If the reader disconnects, the source of the answer is cancelled. */
async function send(answered: UniversalServerResponse, response: ServerResponse): Promise<void> {
  for (const [name, value] of answered.header ?? []) response.setHeader(name, value);
  if (answered.status === UNAUTHORIZED) response.setHeader(...CHALLENGE);
  response.writeHead(answered.status);
  await pipeline(answered.body ?? once(new Uint8Array()), response).catch((error: unknown) => {
    if (!response.destroyed) throw error;
  });
}
