import type { Store } from "../store/store.ts";
import { type PlainRoute, sendJson } from "./json.ts";

/** What load balancers and orchestrators ask over HTTP. */
export const healthRoutes = (options: {
  store: Store;
  isStopping: () => boolean;
}): ReadonlyMap<string, PlainRoute> =>
  new Map<string, PlainRoute>([
    // Alive: the event loop turns.
    ["/healthz", async (_request, response) => sendJson(response, 200, { status: "ok" })],
    ["/readyz", readiness(options)],
  ]);

/** Ready: the database answers, and the server is not on its way out. */
const readiness =
  ({ store, isStopping }: { store: Store; isStopping: () => boolean }): PlainRoute =>
  async (_request, response) => {
    if (isStopping()) return sendJson(response, 503, { status: "stopping" });
    if (!(await store.isReachable())) return sendJson(response, 503, { status: "the store does not answer" });
    sendJson(response, 200, { status: "ok" });
  };
