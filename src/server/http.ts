import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Logger } from "pino";
import { BudgetService } from "../../gen/es/budget/v1/budget_service_pb.ts";
import { invalidField } from "../domain/errors.ts";
import { implementationOf } from "./connect.ts";
import type { Listener } from "./grpc.ts";
import type { Route } from "./pipeline.ts";
import { toConnectError } from "./status.ts";
import { COMPRESSIONS, explainUnreadable } from "./unreadable.ts";

/** Answers a plain HTTP request. */
export type PlainRoute = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

// Above what the pipeline allows, so that the pipeline can say what is wrong with a request that is too large.
const TRANSPORT_BYTES_FACTOR = 4;

/** Serves the routes as Connect and gRPC-Web over HTTP/1.1, beside plain ones by their path. */
export async function serveHttp(options: {
  routes: readonly Route[];
  plain: ReadonlyMap<string, PlainRoute>;
  host: string;
  port: number;
  requestBytesMax: number;
  log: Logger;
}): Promise<Listener> {
  const connect = connectHandlers(options.routes, options.requestBytesMax * TRANSPORT_BYTES_FACTOR);
  const listener: RequestListener = (request, response) => {
    const path = request.url?.split("?", 1)[0] ?? "";
    answer(path, request, response).catch((error: unknown) => {
      options.log.error({ path, err: error }, "an HTTP request failed");
      response.destroy();
    });
  };
  const answer = async (path: string, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const rpc = connect.get(path);
    if (rpc !== undefined) return answerRpc(rpc, request, response);
    const plain = options.plain.get(path);
    if (plain !== undefined) return plain(request, response);
    sendJson(response, 404, { error: `nothing is served at ${path}` });
  };

  const server = createServer(listener);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async stop(graceMs) {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

function connectHandlers(routes: readonly Route[], readMaxBytes: number): Map<string, UniversalHandler> {
  const router = createConnectRouter({
    grpc: false,
    grpcWeb: true,
    connect: true,
    readMaxBytes,
    acceptCompression: [...COMPRESSIONS],
    // Connect would skip what it does not know: a misspelt total would be a total of 0, a misspelt duration none at all.
    jsonOptions: { ignoreUnknownFields: false },
  });
  router.service(BudgetService, implementationOf(routes));
  return new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
}

async function answerRpc(
  handler: UniversalHandler,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // The rest of a body that was refused in the middle is read and dropped: a client that sends it all before it reads
  // would never get to the answer, and the connection would never be free again.
  const bytes = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  const body = isPlainJson(request) ? utf8Only(bytes) : bytes;
  response.once("finish", () => request.resume());
  const universal = universalRequestFromNodeRequest(request, response, undefined, undefined);
  const answered = await handler({ ...universal, body });
  await universalResponseToNodeResponse(await explainUnreadable(answered, handler.method.input), response);
}

const isPlainJson = ({ headers }: IncomingMessage): boolean =>
  headers["content-encoding"] === undefined &&
  headers["content-type"]?.startsWith("application/json") === true;

/** Connect would read what is no UTF-8 as U+FFFD, and take two different names for the same. */
async function* utf8Only(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for await (const chunk of bytes) {
      decoder.decode(chunk, { stream: true });
      yield chunk;
    }
    decoder.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw toConnectError(invalidField("request", "must be valid UTF-8").error);
  }
}
