import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { after, before, suite, test } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { status } from "@grpc/grpc-js";
import pino from "pino";
import { openFrames } from "../support/grpc-frames.ts";
import { startTransports, type Transports } from "../support/transports.ts";

const GET_BUDGET = "/budget.v1.BudgetService/GetBudget";
const WATCH = "/budget.v1.BudgetService/WatchBudget";
const REQUEST_BYTES_MAX = 3000;

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");
const json = (user: string): Buffer => latin1(`{"project":"p","user":"${user}"}`);
const enveloped = (message: Uint8Array, flags = 0): Buffer => {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};
/** Percent-encodes every byte; URL encoders cannot encode bytes that are not text. */
const percent = (bytes: Buffer): string => bytes.toString("hex").replace(/../g, "%$&");

suite("Bytes of a request", () => {
  /** The users that reached the handler. */
  const seen: string[] = [];
  const logged: string[] = [];
  let transports: Transports;
  before(async () => {
    transports = await startTransports({
      requestBytesMax: REQUEST_BYTES_MAX,
      log: pino({ level: "info" }, { write: (line) => void logged.push(line) }),
      handlers: {
        getBudget: async ({ user }) => {
          seen.push(user);
          return {};
        },
        async *watchBudget({ user }) {
          seen.push(user);
          yield {};
        },
      },
      texts: {
        "/text": async (body) => {
          seen.push(body);
          return "{}";
        },
      },
    });
  });
  after(() => transports[Symbol.asyncDispose]());

  const post = async (path: string, type: string, body: Uint8Array, headers: Record<string, string> = {}) => {
    const response = await fetch(`${transports.httpUrl}${path}`, {
      method: "POST",
      headers: { "content-type": type, ...headers },
      body: new Uint8Array(body),
    });
    return { status: response.status, text: decodeURIComponent(await response.text()) };
  };
  const get = async (query: string) => {
    const response = await fetch(`${transports.httpUrl}${GET_BUDGET}?connect=v1&${query}`);
    return { status: response.status, text: await response.text() };
  };
  const gzip = { "content-encoding": "gzip" };
  const grpcGzip = { "grpc-encoding": "gzip" };
  const connectGzip = { "connect-content-encoding": "gzip" };
  const WEB_JSON = "application/grpc-web+json";
  const STREAM_JSON = "application/connect+json";

  /** Every way to send a message as JSON. */
  const ways: Record<string, (message: Buffer) => Promise<{ status: number; text: string }>> = {
    Connect: (message) => post(GET_BUDGET, "application/json", message),
    "Connect, in another case": (message) => post(GET_BUDGET, "Application/Json", message),
    "Connect, with a charset": (message) => post(GET_BUDGET, "application/json; charset=utf-8", message),
    "Connect, in chunks": async (message) => {
      const asked = request(`${transports.httpUrl}${GET_BUDGET}`, {
        method: "POST",
        headers: { "content-type": "application/json", "transfer-encoding": "chunked" },
      });
      asked.write(message.subarray(0, 1));
      asked.end(message.subarray(1));
      const [answer] = (await once(asked, "response")) as [IncomingMessage];
      return { status: answer.statusCode ?? 0, text: (await answer.setEncoding("utf8").toArray()).join("") };
    },
    "Connect, gzip": (message) => post(GET_BUDGET, "application/json", gzipSync(message), gzip),
    "Connect, br": (message) =>
      post(GET_BUDGET, "application/json", brotliCompressSync(message), { "content-encoding": "br" }),
    "Connect GET": (message) => get(`encoding=json&message=${percent(message)}`),
    "Connect GET, base64": (message) =>
      get(`encoding=json&base64=1&message=${message.toString("base64url")}`),
    "Connect GET, encoded base64": (message) =>
      get(`encoding=%6Ason&base64=%31&message=${percent(Buffer.from(message.toString("base64")))}`),
    "Connect GET, gzip": (message) =>
      get(`encoding=json&compression=gzip&base64=1&message=${gzipSync(message).toString("base64url")}`),
    "Connect stream": (message) => post(WATCH, STREAM_JSON, enveloped(message)),
    "Connect stream, gzip": (message) =>
      post(WATCH, STREAM_JSON, enveloped(gzipSync(message), 1), connectGzip),
    "gRPC-Web": (message) => post(GET_BUDGET, WEB_JSON, enveloped(message)),
    "gRPC-Web, in another case": (message) =>
      post(GET_BUDGET, "Application/GRPC-Web+Json", enveloped(message)),
    "gRPC-Web, gzip": (message) => post(GET_BUDGET, WEB_JSON, enveloped(gzipSync(message), 1), grpcGzip),
    "gRPC-Web stream": (message) => post(WATCH, WEB_JSON, enveloped(message)),
    "a route of text": (message) => post("/text", "Application/Json", message),
  };
  /** The request was refused with its own reason, and did not reach a handler. */
  const assertUnreadable = (
    answer: { status: number; text: string },
    why: RegExp,
    before: number,
    way: string,
  ): void => {
    assert.match(answer.text, why, way);
    assert.ok(answer.status === 400 || /INVALID_FIELD|grpc-status: 3\b/.test(answer.text), way);
    assert.equal(seen.length, before, way);
  };

  test("that are not UTF-8 are refused on every way in", async () => {
    for (const [way, send] of Object.entries(ways)) {
      const before = seen.length;
      for (const user of ["a\xff", "a\xc3", "\xed\xa0\x80", "\xc0\xaf"]) {
        assertUnreadable(await send(json(user)), /request: must be valid UTF-8/, before, way);
      }
    }
  });

  test("that are UTF-8 arrive unchanged on every way in", async () => {
    const message = Buffer.from('{"project":"p","user":"Zoë 💰 a+b"}');
    for (const [way, send] of Object.entries(ways)) {
      const before = seen.length;
      assert.equal((await send(message)).status, 200, way);
      const user = seen.at(-1) ?? "";
      assert.deepEqual([seen.length, user.includes("Zoë 💰 a+b")], [before + 1, true], way);
    }
  });

  test("that end in the middle of a character or a message are refused, and the connection stays open", async () => {
    const emoji = Buffer.from('{"project":"p","user":"💰"}');
    const cut = emoji.subarray(0, emoji.indexOf(0xf0) + 2);
    for (const [way, send] of Object.entries(ways)) {
      assertUnreadable(await send(cut), /request: must be valid UTF-8/, seen.length, way);
    }
    const before = seen.length;
    const whole = enveloped(json("a"));
    for (const body of [whole.subarray(0, -1), whole.subarray(0, 3), Buffer.alloc(0)]) {
      for (const [path, type] of [
        [GET_BUDGET, WEB_JSON],
        [WATCH, WEB_JSON],
        [WATCH, STREAM_JSON],
      ] as const) {
        assertUnreadable(
          await post(path, type, body),
          /has no message|in the middle of a message/,
          before,
          type,
        );
      }
    }
    assertUnreadable(
      await post(GET_BUDGET, WEB_JSON, Buffer.concat([whole, whole])),
      /one message/,
      before,
      "two",
    );
  });

  test("that escape half a character where no text belongs are refused, and the answer can be written", async () => {
    for (const [way, send] of Object.entries(ways)) {
      if (way === "a route of text") continue;
      const answer = await send(latin1(String.raw`{"project":"p","\ud800":1}`));
      assertUnreadable(answer, /request: .*key .* is unknown/, seen.length, way);
    }
    assert.deepEqual(logged, []);
  });

  test("that cannot be decompressed are refused as invalid requests", async () => {
    const broken = Buffer.from("this is no gzip");
    const cut = gzipSync(json("a")).subarray(0, 12);
    const before = seen.length;
    for (const bytes of [broken, cut]) {
      const answers = [
        await post(GET_BUDGET, "application/json", bytes, gzip),
        await post(GET_BUDGET, "application/proto", bytes, { "content-encoding": "br" }),
        await post(GET_BUDGET, WEB_JSON, enveloped(bytes, 1), grpcGzip),
        await post(WATCH, STREAM_JSON, enveloped(bytes, 1), connectGzip),
        await get(`encoding=json&compression=gzip&base64=1&message=${bytes.toString("base64url")}`),
      ];
      for (const answer of answers) assertUnreadable(answer, /cannot be decompressed/, before, "");
    }
    const unknown = await post(GET_BUDGET, "application/json", broken, { "content-encoding": "zstd" });
    assertUnreadable(unknown, /is compressed with \\?"zstd\\?"; it must be gzip or br/, before, "zstd");
  });

  test("that decompress to more than is allowed are refused, and are not decompressed whole", async () => {
    const bomb = gzipSync(Buffer.alloc(200_000_000, 0x20));
    const small = gzipSync(Buffer.alloc(REQUEST_BYTES_MAX + 1, 0x20));
    const before = seen.length;
    for (const bytes of [small, bomb]) {
      const answers = [
        await post(GET_BUDGET, WEB_JSON, enveloped(small, 1), grpcGzip),
        await post(WATCH, STREAM_JSON, enveloped(small, 1), connectGzip),
        await post(GET_BUDGET, "application/json", small, gzip),
        await post(GET_BUDGET, "application/json", bytes, gzip),
      ];
      for (const answer of answers) assertUnreadable(answer, /more than the 3000/, before, "");
    }
  });

  test("of exactly the size allowed are accepted on every way in, and one byte more is refused", async () => {
    for (const [way, send] of Object.entries(ways)) {
      const before = seen.length;
      const user = "a".repeat(REQUEST_BYTES_MAX - json("").length);
      const { status, text } = await send(json(user));
      assert.deepEqual([status, seen.length], [200, before + 1], `${way}: ${text}`);
      assert.ok(seen.at(-1)?.includes(user), way);
      assertUnreadable(await send(json(`${user}a`)), /more than the 3000/, before + 1, way);
    }
    const message = (bytes: number): Buffer => {
      const text = "a".repeat(bytes - 3);
      return Buffer.from([0x12, 0x80 | (text.length & 0x7f), text.length >> 7, ...Buffer.from(text)]);
    };
    using frames = openFrames(transports.grpcUrl);
    for (const gzip of [false, true]) {
      const before = seen.length;
      const send = (bytes: Buffer) =>
        frames.send(GET_BUDGET, enveloped(gzip ? gzipSync(bytes) : bytes, Number(gzip)), {
          encoding: gzip ? "gzip" : undefined,
        });
      assert.equal((await send(message(REQUEST_BYTES_MAX))).code, status.OK);
      assert.equal(seen.length, before + 1);
      assert.equal((await send(message(REQUEST_BYTES_MAX + 1))).code, status.INVALID_ARGUMENT);
      assert.equal(seen.length, before + 1);
    }
    const local = transports.clients["in-process"];
    await local?.getBudget({ user: "a".repeat(REQUEST_BYTES_MAX - 3) });
    const larger = local?.getBudget({ user: "a".repeat(REQUEST_BYTES_MAX - 2) });
    await assert.rejects(larger ?? Promise.resolve(), /is 3001 bytes, more than the 3000 allowed/);
  });

  test("over gRPC are refused with the same reason, whether compressed or not", async () => {
    using frames = openFrames(transports.grpcUrl);
    const before = seen.length;
    const large = Buffer.alloc(REQUEST_BYTES_MAX + 1);
    const cases: [bytes: Buffer, encoding: string | undefined, says: RegExp][] = [
      [Buffer.from([0x0a, 2, 0xff, 0xfe]), undefined, /is not a budget\.v1\.GetBudgetRequest/],
      [large, undefined, /^request: is 3001 bytes, more than the 3000 allowed$/],
      [gzipSync(large), "gzip", /^request: is more than the 3000 bytes allowed$/],
      [Buffer.from("this is no gzip"), "gzip", /^request: cannot be decompressed$/],
    ];
    for (const [bytes, encoding, says] of cases) {
      const error = await frames.send(GET_BUDGET, enveloped(bytes, encoding === undefined ? 0 : 1), {
        encoding,
      });
      assert.equal(error.code, status.INVALID_ARGUMENT);
      assert.match(error.message, says);
      assert.equal(error.reason, "INVALID_FIELD");
    }
    assert.equal(seen.length, before);
  });

  test("over gRPC that health checks or reflection cannot decode are refused as invalid requests", async () => {
    using frames = openFrames(transports.grpcUrl);
    for (const path of [
      "/grpc.health.v1.Health/Check",
      "/grpc.health.v1.Health/Watch",
      "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ]) {
      const { code, message, reason } = await frames.send(path, enveloped(Buffer.from([0xff])), {});
      assert.deepEqual(
        { code, message, reason },
        { code: status.INVALID_ARGUMENT, message: "request: cannot be decoded", reason: "INVALID_FIELD" },
        path,
      );
    }
  });

  test("of an aborted upload do not cause an error in the server", async () => {
    for (const path of [GET_BUDGET, "/text"]) {
      const headers = { "content-type": "application/json", "content-length": 1000, expect: "100-continue" };
      const upload = request(`${transports.httpUrl}${path}`, { method: "POST", headers });
      upload.on("error", () => {});
      upload.flushHeaders();
      await once(upload, "continue");
      upload.write('{"project":');
      upload.destroy();
    }
    // The server logs an aborted upload before it answers a later request of a new connection.
    await post(GET_BUDGET, "application/json", json("later"));
    assert.deepEqual(logged, []);
  });
});
