import type { IncomingMessage, ServerResponse } from "node:http";

/** Handles a plain HTTP request. */
export type PlainRoute = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** @param body A value, or JSON text. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json" });
  response.end(text);
}
