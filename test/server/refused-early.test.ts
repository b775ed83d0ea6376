import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { after, before, suite, test } from "node:test";
import { gzipSync } from "node:zlib";
import { status } from "@grpc/grpc-js";
import { openFrames } from "../support/grpc-frames.ts";
import { openOneConnection } from "../support/one-connection.ts";
import { startTransports, type Transports } from "../support/transports.ts";

const GET_BUDGET = "/budget.v1.BudgetService/GetBudget";
const REQUEST_BYTES_MAX = 100_000;
/** More than the connection buffers, so it is refused while it arrives. */
const HUGE = Buffer.alloc(8 << 20, 0x20);
const JSON_TYPE = { "content-type": "application/json" };

const enveloped = (message: Uint8Array, flags = 0): Buffer => {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

suite("After a request was refused before all of it had arrived,", () => {
  let transports: Transports;
  before(async () => {
    transports = await startTransports({
      requestBytesMax: REQUEST_BYTES_MAX,
      handlers: { getBudget: async () => ({}) },
      texts: { "/text": async () => "{}" },
    });
  });
  after(() => transports[Symbol.asyncDispose]());

  test("the same HTTP connection serves the next request", async () => {
    const { httpUrl } = transports;
    using connection = openOneConnection(httpUrl);
    const declared = { "content-length": String(HUGE.length) };
    const refused: [what: string, status: number, says: RegExp, Parameters<typeof connection.send>][] = [
      [
        "too large, declared",
        400,
        /is 8388608 bytes/,
        [GET_BUDGET, { headers: { ...JSON_TYPE, ...declared }, body: HUGE }],
      ],
      ["too large, in chunks", 400, /is 8388608 bytes/, [GET_BUDGET, { headers: JSON_TYPE, body: HUGE }]],
      [
        "too large, by the head of its envelope",
        200,
        /is 8388608 bytes/,
        [GET_BUDGET, { headers: { "content-type": "application/grpc-web+proto" }, body: enveloped(HUGE) }],
      ],
      ["text, too large", 400, /is 8388608 bytes/, ["/text", { headers: JSON_TYPE, body: HUGE }]],
      [
        "text, of another content type",
        415,
        /content-type/,
        ["/text", { headers: { "content-type": "text/plain" }, body: HUGE }],
      ],
      ["text, by another method", 405, /POST/, ["/text", { method: "PUT", headers: JSON_TYPE, body: HUGE }]],
      ["for an unknown path", 404, /nothing is served/, ["/nothing", { headers: JSON_TYPE, body: HUGE }]],
      [
        "from a foreign web page",
        403,
        /permission_denied/,
        [GET_BUDGET, { headers: { ...JSON_TYPE, origin: "https://elsewhere.example" }, body: HUGE }],
      ],
    ];
    for (const [what, code, says, [path, options]] of refused) {
      const answer = await connection.send(path, options);
      assert.equal(answer.status, code, what);
      assert.match(answer.text, says, what);
      const next = await connection.send(GET_BUDGET, { headers: JSON_TYPE, body: Buffer.from("{}") });
      assert.deepEqual([next.status, next.text], [200, "{}"], what);
    }
  });

  test("a client that sends all of it before it reads gets the answer, also on a connection of its own", async () => {
    for (const [path, type, says] of [
      [GET_BUDGET, "application/json", "400"],
      ["/text", "application/json", "400"],
      ["/text", "text/plain", "415"],
      ["/nothing", "application/json", "404"],
    ] as const) {
      const socket = connectTcp(Number(new URL(transports.httpUrl).port), "127.0.0.1");
      const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: ${type}\r\nContent-Length: ${HUGE.length}\r\n\r\n`;
      socket.write(head);
      socket.write(HUGE);
      await once(socket, "drain");
      const text = (await socket.setEncoding("latin1").toArray()).join("");
      assert.match(text, new RegExp(`^HTTP/1\\.1 ${says} `), path);
    }
  });

  test("the same gRPC connection serves the next request", async () => {
    using frames = openFrames(transports.grpcUrl);
    const refused: Parameters<typeof frames.send>[] = [
      [GET_BUDGET, enveloped(HUGE)],
      [GET_BUDGET, enveloped(gzipSync(HUGE), 1), { encoding: "gzip" }],
      [GET_BUDGET, enveloped(HUGE), { timeout: "garbage" }],
    ];
    for (const [index, call] of refused.entries()) {
      const { code, reason } = await frames.send(...call);
      assert.deepEqual([code, reason], [status.INVALID_ARGUMENT, "INVALID_FIELD"], String(index));
      assert.equal((await frames.send(GET_BUDGET, enveloped(Buffer.alloc(0)))).code, status.OK);
    }
    assert.equal(frames.session.closed, false);
  });
});
