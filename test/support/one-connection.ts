import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";

/** Sends HTTP requests over one connection, and fails if another one would be needed. */
export interface OneConnection extends Disposable {
  send(
    path: string,
    options: { method?: string; headers?: Record<string, string>; body?: Uint8Array },
  ): Promise<{ status: number; text: string }>;
}

/** @param url The server. Bodies without a content-length header are sent in chunks. */
export function openOneConnection(url: string): OneConnection {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let first: Socket | undefined;
  return {
    async send(path, { method = "POST", headers = {}, body = new Uint8Array() }) {
      const asked = request(`${url}${path}`, { method, agent, headers });
      const [socket] = (await once(asked, "socket")) as [Socket];
      first ??= socket;
      assert.equal(socket, first, "the server has closed the connection");
      // The first write sends the headers. In one write with the end, the length would be declared.
      asked.write(body.subarray(0, 1));
      asked.end(body.subarray(1));
      const [answer] = (await once(asked, "response")) as [IncomingMessage];
      const text = (await answer.setEncoding("utf8").toArray()).join("");
      // The agent takes the connection back after the end of the answer.
      await new Promise(setImmediate);
      return { status: answer.statusCode ?? 0, text: decodeURIComponent(text) };
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}
