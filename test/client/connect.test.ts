import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer, type IncomingHttpHeaders } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { after, before, describe, it } from "node:test";
import { Code } from "@connectrpc/connect";
import { createPurserClient, type PurserClientOptions } from "../../src/client/connect.ts";
import { errorOf } from "../support/errors.ts";

/** Servers that never answer. */
const servers = { connect: createHttpServer(), grpc: createHttp2Server() };
const urlOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

describe("createPurserClient", () => {
  before(() =>
    Promise.all(Object.values(servers).map((server) => once(server.listen(0, "127.0.0.1"), "listening"))),
  );
  after(() => {
    servers.connect.closeAllConnections();
    for (const server of Object.values(servers)) server.close();
  });

  /** The headers of a call that the caller leaves when it has arrived. */
  async function headersOf(options: PurserClientOptions & { protocol: "connect" | "grpc" }) {
    const server = servers[options.protocol];
    const leaving = new AbortController();
    let headers: IncomingHttpHeaders = {};
    server.once("request", (request: { headers: IncomingHttpHeaders }) => {
      headers = request.headers;
      leaving.abort();
    });
    const client = createPurserClient({ baseUrl: urlOf(server), ...options });
    const error = await errorOf(client.listUsers({ project: "p" }, { signal: leaving.signal }));
    assert.equal(error.code, Code.Canceled);
    return headers;
  }

  it("sends the timeout of its calls, which is 30 seconds by default", async () => {
    for (const [timeoutMs, ms] of [
      [undefined, "30000"],
      [12_345, "12345"],
    ] as const) {
      assert.equal((await headersOf({ protocol: "connect", timeoutMs }))["connect-timeout-ms"], ms);
      assert.equal((await headersOf({ protocol: "grpc", timeoutMs }))["grpc-timeout"], `${ms}m`);
    }
  });

  it("sends the given headers over both protocols, without overriding those of the protocol", async () => {
    const headers = { Authorization: "Bearer key", "Content-Type": "text/plain" };
    const connect = await headersOf({ protocol: "connect", headers });
    assert.deepEqual([connect.authorization, connect["content-type"]], ["Bearer key", "application/proto"]);
    const grpc = await headersOf({ protocol: "grpc", headers });
    assert.deepEqual([grpc["authorization"], grpc["content-type"]], ["Bearer key", "application/grpc+proto"]);
  });

  it("fails a call that is not answered within its timeout", async () => {
    for (const protocol of ["connect", "grpc"] as const) {
      const client = createPurserClient({ protocol, baseUrl: urlOf(servers[protocol]), timeoutMs: 1 });
      const error = await errorOf(client.listUsers({ project: "p" }));
      assert.equal(error.code, Code.DeadlineExceeded, protocol);
    }
  });
});
