import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** How a request fails: its answer is lost after the work was done, or it never arrives and the answer is 503. */
export type Loss = "lose the answer" | "answer 503";

/** A proxy between a client and a server over HTTP, which passes everything on until told otherwise. */
export interface LossyHttp extends AsyncDisposable {
  readonly url: string;
  /** The headers of the received requests, in order. */
  readonly headers: IncomingMessage["headers"][];
  /** The next requests fail in these ways, one after another. */
  lose(...losses: Loss[]): void;
}

export async function startLossyHttp(target: string): Promise<LossyHttp> {
  const pending: Loss[] = [];
  const headers: IncomingMessage["headers"][] = [];
  const server = createServer((asked, answer) => {
    headers.push(asked.headers);
    const loss = pending.shift();
    if (loss === "answer 503") answer.writeHead(503).end();
    else forward(target, asked, answer, loss).catch((error: Error) => answer.destroy(error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    headers,
    lose: (...losses) => void pending.push(...losses),
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function forward(
  target: string,
  asked: IncomingMessage,
  answer: ServerResponse,
  loss: Loss | undefined,
): Promise<void> {
  const { method, headers } = asked;
  const upstream = request(new URL(asked.url ?? "", target), { method, headers });
  asked.pipe(upstream);
  const [response] = (await once(upstream, "response")) as [IncomingMessage];
  const chunks = (await response.toArray()) as Buffer[];
  if (loss === "lose the answer") answer.destroy();
  else answer.writeHead(response.statusCode ?? 500, response.headers).end(Buffer.concat(chunks));
}
