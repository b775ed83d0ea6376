import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import type { Logger } from "pino";
import { dropRest } from "./body.ts";
import type { BytesInFlight } from "./bytes-in-flight.ts";
import { implement } from "./connect.ts";
import { boundConnections, type Limits, type Listener, trackSockets } from "./connections.ts";
import { JSON_OPTIONS } from "./decode.ts";
import { answerRpc } from "./http-rpc.ts";
import { answerText } from "./http-text.ts";
import { type PlainRoute, sendJson } from "./json.ts";
import type { OriginPolicy } from "./origin.ts";
import type { Pipeline, Route } from "./pipeline.ts";
import type { Tls } from "./tls.ts";

/** An answer repeats no more of a caller's path than this. */
const PATH_CHARACTERS_SHOWN = 200;

/** Serves the routes as Connect and gRPC-Web over HTTP/1.1, together with plain routes by path. */
export async function serveHttp(options: {
  pipeline: Pipeline;
  plain: ReadonlyMap<string, PlainRoute>;
  origins: OriginPolicy;
  bytesInFlight: BytesInFlight;
  limits: Limits;
  /** Undefined: without TLS. */
  tls?: Tls | undefined;
  host: string;
  port: number;
  log: Logger;
}): Promise<Listener> {
  const { pipeline, plain, origins, bytesInFlight, limits, tls, log } = options;
  const { admit } = pipeline;
  const rpcs = rpcsOf(pipeline.routes);
  const texts = new Map(pipeline.texts.map((text) => [text.path, text]));
  // HTTP/1.1 has no ping, so a stream without a reader is only found when it ends. Streams therefore end after a time,
  // and readers reopen them.
  const streamMs = 2 * limits.keepaliveMs;

  const answer = async (path: string, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { headers } = request;
    for (const [name, value] of Object.entries(origins.answerHeaders(headers)))
      response.setHeader(name, value);
    const refusal = origins.refusal(headers);
    if (refusal !== undefined) {
      await dropRest(request);
      return sendJson(response, 403, { code: "permission_denied", message: refusal });
    }
    if (request.method === "OPTIONS")
      return void response.writeHead(204, origins.preflightHeaders(headers)).end();
    const rpc = rpcs.get(path);
    const text = texts.get(path);
    const other = plain.get(path);
    if (other !== undefined) return other(request, response);
    if (rpc === undefined && text === undefined) {
      await dropRest(request);
      return sendJson(response, 404, {
        error: `nothing is served at ${path.slice(0, PATH_CHARACTERS_SHOWN)}`,
      });
    }
    const lease = bytesInFlight.open();
    response.once("close", () => lease.release());
    if (rpc !== undefined) return answerRpc(rpc, request, response, { admit, lease, streamMs });
    if (text !== undefined) return answerText(text, request, response, { admit, lease });
  };

  const serverOptions = {
    keepAliveTimeout: limits.keepaliveMs,
    requestTimeout: limits.requestReceiveMsMax,
    headersTimeout: limits.requestReceiveMsMax,
    connectionsCheckingInterval: Math.min(limits.requestReceiveMsMax, 1000),
  };
  const onRequest: RequestListener = (request, response) => {
    const path = request.url?.split("?", 1)[0] ?? "";
    answer(path, request, response).catch((error: unknown) => {
      log.error({ path, err: error }, "an HTTP request failed");
      response.destroy();
    });
  };
  const createWithTls = (withTls: Tls) => {
    const handshake = withTls.serverOptions(limits.requestReceiveMsMax);
    const secure = createTlsServer({ ...handshake, ...serverOptions }, onRequest);
    withTls.follow(secure);
    return secure;
  };
  const server = tls === undefined ? createServer(serverOptions, onRequest) : createWithTls(tls);
  boundConnections(server, limits, log);
  const sockets = trackSockets(server);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async stop(graceMs) {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      const timer = setTimeout(() => {
        server.closeAllConnections();
        // Node.js does not count a connection whose TLS handshake is not complete.
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

function rpcsOf(routes: readonly Route[]): Map<string, { route: Route; handler: UniversalHandler }> {
  const router = createConnectRouter({
    grpc: false,
    grpcWeb: true,
    connect: true,
    acceptCompression: [compressionGzip, compressionBrotli],
    jsonOptions: JSON_OPTIONS,
  });
  implement(router, routes);
  const byPath = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return new Map(
    routes.flatMap((route) => {
      const path = `/${route.method.parent.typeName}/${route.method.name}`;
      const handler = byPath.get(path);
      return handler === undefined ? [] : [[path, { route, handler }] as const];
    }),
  );
}
