import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Logger } from "pino";
import { type BudgetError, describe, Failure, invalidField } from "../domain/errors.ts";
import type { Legacy } from "../legacy/legacy.ts";
import type { Store } from "../store/store.ts";
import { type PlainRoute, sendJson } from "./http.ts";
import { LEGACY_ROUTES, type LegacyRoute } from "./legacy.ts";

/** The routes that are neither Connect nor gRPC-Web: health checks, and LiteLLM's two. */
export function plainRoutes(options: {
  store: Store;
  legacy: Legacy;
  isStopping: () => boolean;
  requestBytesMax: number;
  log: Logger;
}): Map<string, PlainRoute> {
  const routes = new Map<string, PlainRoute>([
    // Alive: the event loop turns.
    ["/healthz", async (_request, response) => sendJson(response, 200, { status: "ok" })],
    ["/readyz", readiness(options.store, options.isStopping)],
  ]);
  for (const [path, route] of Object.entries(LEGACY_ROUTES)) routes.set(path, legacy(route, options));
  return routes;
}

/** Ready: the database answers, and the server is not on its way out. */
const readiness =
  (store: Store, isStopping: () => boolean): PlainRoute =>
  async (_request, response) => {
    if (isStopping()) return sendJson(response, 503, { status: "stopping" });
    if (!(await store.isReachable())) return sendJson(response, 503, { status: "the store does not answer" });
    sendJson(response, 200, { status: "ok" });
  };

const legacy =
  (route: LegacyRoute, options: { legacy: Legacy; requestBytesMax: number; log: Logger }): PlainRoute =>
  async (request, response) => {
    if (request.method !== "POST") return sendJson(response, 405, error("POST only"));
    try {
      const body = await readBody(request, options.requestBytesMax);
      sendJson(response, 200, await route(options.legacy, body));
    } catch (thrown) {
      const failure = thrown instanceof Failure ? thrown.error : ({ reason: "INTERNAL" } as const);
      const status = STATUSES[failure.reason] ?? 500;
      // An outage has its own lines in the log, and an overload its metric.
      if (status === 500) options.log.error({ path: request.url, err: thrown }, "a legacy route failed");
      sendJson(response, status, error(describe(failure)));
    }
  };

const STATUSES: Partial<Record<BudgetError["reason"], number>> = {
  INVALID_FIELD: 400,
  AMOUNT_OVERFLOW: 400,
  OVERLOADED: 503,
  STORE_UNAVAILABLE: 503,
};

const error = (message: string) => ({ status: "error", message });

async function readBody(request: IncomingMessage, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // The rest of a body that is too large is read and dropped, so that the client gets to read the answer.
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= bytesMax) chunks.push(chunk);
  }
  if (bytes > bytesMax) throw invalidField("request", `is ${bytes} bytes, more than the ${bytesMax} allowed`);
  const body = Buffer.concat(chunks);
  if (!isUtf8(body)) throw invalidField("request", "must be valid UTF-8");
  return body.toString("utf8");
}
