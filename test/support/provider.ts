import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as the provider received it. */
export interface Received {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: string;
}

/** How the provider answers: with JSON, with a stream, or never. */
export type Answer =
  | { json: unknown; status?: number; headers?: Record<string, string> }
  | {
      /** The pieces of the body. */
      stream: readonly (string | Uint8Array)[];
      /** How the stream ends: normally, with a cut connection, or only when the caller leaves. */
      ending?: "end" | "cut" | "wait";
    }
  | "cut"
  | "wait";

/** A local server that answers in the formats of LLM providers, and records its requests. */
export interface Provider extends AsyncDisposable {
  readonly url: string;
  readonly received: readonly Received[];
  /** Resolves with the next request as soon as it has arrived. */
  next(): Promise<Received>;
  /** Resolves when a caller has left before its answer ended. */
  readonly abandoned: Promise<void>;
}

export async function startProvider(answer: (request: Received) => Answer): Promise<Provider> {
  const received: Received[] = [];
  const abandoned = Promise.withResolvers<void>();
  let arrival = Promise.withResolvers<Received>();
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const { method = "", url = "", headers } = request;
    const asked = { method, path: url, headers, body: Buffer.concat(pieces).toString() };
    received.push(asked);
    response.on("close", () => {
      if (!response.writableFinished) abandoned.resolve();
    });
    const arrived = arrival;
    arrival = Promise.withResolvers<Received>();
    arrived.resolve(asked);
    await write(response, answer(asked));
  };
  const server = createServer((request, response) => {
    respond(request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    next: () => arrival.promise,
    abandoned: abandoned.promise,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function write(response: ServerResponse, answer: Answer): Promise<void> {
  if (answer === "wait") return;
  if (answer === "cut") {
    response.destroy();
    return;
  }
  if ("json" in answer) {
    const { json, status = 200, headers } = answer;
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(json));
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  for (const piece of answer.stream) {
    // Sends each piece as a separate chunk.
    await new Promise<void>((resolve) => response.write(piece, () => resolve()));
  }
  const { ending = "end" } = answer;
  if (ending === "end") response.end();
  // Waits until the written bytes have been sent.
  if (ending === "cut") setImmediate(() => response.destroy());
}

/** Events in OpenAI's format: data lines only, and a last event that marks the end. */
export const dataEvents = (events: readonly unknown[]): string[] => [
  ...events.map((event) => `data: ${JSON.stringify(event)}\n\n`),
  "data: [DONE]\n\n",
];

/** Events with a name, in the format of Anthropic and OpenAI's Responses API. */
export const namedEvents = (events: readonly ({ type: string } & Record<string, unknown>)[]): string[] =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
