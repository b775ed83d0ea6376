import type { Store } from "../store/store.ts";
import { type PlainRoute, sendJson } from "./json.ts";

/** The HTTP health checks for load balancers and orchestrators. */
export const healthRoutes = (options: {
  store: Store;
  isStopping: () => boolean;
}): ReadonlyMap<string, PlainRoute> =>
  new Map<string, PlainRoute>([
    // Liveness: the event loop runs.
    ["/healthz", async (_request, response) => sendJson(response, 200, { status: "ok" })],
    ["/readyz", readiness(options)],
  ]);

/** Readiness: the database answers, and the server is not shutting down. */
const readiness =
  ({ store, isStopping }: { store: Store; isStopping: () => boolean }): PlainRoute =>
  async (_request, response) => {
    if (isStopping()) return sendJson(response, 503, { status: "stopping" });
    if (!(await store.isReachable())) return sendJson(response, 503, { status: "the store does not answer" });
    sendJson(response, 200, { status: "ok" });
  };
