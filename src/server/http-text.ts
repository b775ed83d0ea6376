import type { IncomingMessage, ServerResponse } from "node:http";
import { describe } from "../domain/errors.ts";
import { Aborted, dropRest, readBody } from "./body.ts";
import type { Lease } from "./bytes-in-flight.ts";
import { checkUtf8 } from "./decode.ts";
import { CHALLENGE, headOf, UNAUTHORIZED } from "./http-head.ts";
import { sendJson } from "./json.ts";
import type { Arrival, Pipeline, TextRoute } from "./pipeline.ts";
import { httpStatusOf } from "./status.ts";

/**
 * Serves a route with JSON text as request and response. Errors are `{"status":"error","message":...}`, as in LiteLLM's
 * server.
 */
export async function answerText(
  route: TextRoute,
  request: IncomingMessage,
  response: ServerResponse,
  { admit, lease }: { admit: Pipeline["admit"]; lease: Lease },
): Promise<void> {
  const refuse = async (status: number, message: string): Promise<void> => {
    lease.release();
    await dropRest(request);
    if (status === UNAUTHORIZED) response.setHeader(...CHALLENGE);
    sendJson(response, status, { status: "error", message });
  };
  if (request.method !== "POST") return refuse(405, "the method must be POST");
  // A web page may send other content types without a CORS preflight.
  if (!/^application\/json\s*(;|$)/i.test(request.headers["content-type"] ?? ""))
    return refuse(415, "content-type: must be application/json");
  try {
    await admit(headOf(request));
    const { bytesMax } = route;
    const body = await readBody(request, { bytesMax, lease });
    checkUtf8(body);
    const text = await route.call(body.toString("utf8"), arrivalOf(request, body.length));
    sendJson(response, 200, text);
  } catch (thrown) {
    if (thrown instanceof Aborted) return;
    const error = route.fail(thrown);
    await refuse(httpStatusOf(error), describe(error));
  }
}

const arrivalOf = (request: IncomingMessage, bytes: number): Arrival => ({
  ...headOf(request),
  bytes,
  // LiteLLM's client does not retry a post, so a post is processed even if the client has disconnected.
  abandoned: () => undefined,
  signal: undefined,
});
