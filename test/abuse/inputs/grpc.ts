import { gzipSync } from "node:zlib";
import type { DescMethod } from "@bufbuild/protobuf";
import type { Random } from "../../support/run.ts";
import { compress } from "../compressions.ts";
import type { Input, Sent } from "../input.ts";
import type { World } from "../world.ts";
import { encode, type Strangeness } from "./encoded.ts";

/** Calls of native gRPC: HTTP/2 frames, and the errors that a client can make in them. */

type Stream = Sent & { kind: "http2" };
type Call = Omit<Input, "sent"> & { sent: Stream };
type Twist = (call: Call, random: Random, message: Buffer) => Partial<Call>;

/** A message with its prefix: the compression flag and the length. */
export function frame(message: Buffer, { flag = 0, length = message.length } = {}): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flag, 0);
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}

const pathOf = (method: DescMethod): string => `/${method.parent.typeName}/${method.name}`;

export function makeGrpcCall(
  by: { random: Random; world: World },
  method: DescMethod,
  strangeness: Strangeness | "odd transport",
): Input {
  const { what, bytes } = encode(
    by,
    method,
    "protobuf",
    strangeness === "odd transport" ? "valid" : strangeness,
  );
  const call: Call = {
    what,
    way: "gRPC",
    method: method.name,
    sent: {
      kind: "http2",
      headers: {
        ":method": "POST",
        ":path": pathOf(method),
        "content-type": "application/grpc+proto",
        te: "trailers",
      },
      chunks: [frame(bytes)],
      ending: "end",
      isStream: method.methodKind === "server_streaming",
    },
  };
  if (strangeness !== "odd transport") return call;
  return { ...call, ...by.random.pick(TWISTS)(call, by.random, bytes) };
}

const withHeaders =
  (what: string, headers: Record<string, string | string[]>): Twist =>
  ({ sent }) => ({ what, sent: { ...sent, headers: { ...sent.headers, ...headers } } });

const withChunks =
  (what: string, chunks: (message: Buffer, random: Random) => readonly Buffer[]): Twist =>
  ({ sent }, random, message) => ({ what, sent: { ...sent, chunks: chunks(message, random) } });

const without =
  (name: string): Twist =>
  ({ sent }) => {
    const { [name]: _, ...headers } = sent.headers;
    return { what: `no ${name}`, sent: { ...sent, headers } };
  };

const HOUR_MS = 3_600_000;

/** Values of gRPC's timeout header, each with its time if gRPC allows the value. */
const TIMEOUTS: readonly [text: string, ms?: number][] = [
  ["1n"],
  ["0S"],
  ["1H", HOUR_MS],
  // More than the 2^31-1 ms (almost 25 days) that a timer of Node takes.
  ["600H", 600 * HOUR_MS],
  ["99999999H", 99_999_999 * HOUR_MS],
  ["99999999S", 99_999_999_000],
  ["99999999m", 99_999_999],
  ["100000000H"],
  ["-1S"],
  ["1.5S"],
  ["25d"],
  ["1"],
  [""],
  ["garbage"],
];

const TYPES = [
  "application/grpc",
  "application/grpc+json",
  "APPLICATION/GRPC+PROTO",
  "application/grpc;charset=utf-8",
  "application/grpc-web",
  "application/json",
  "text/plain",
  "application/grpcx",
  "a".repeat(5000),
];

const PATHS = [
  "/",
  "",
  "//",
  "/budget.v1.BudgetService",
  "/budget.v1.BudgetService/",
  "/budget.v1.BudgetService/__proto__",
  "/__proto__/constructor",
  "*",
  `/${"a".repeat(5000)}`,
  "/budget.v1.BudgetService/GetBudget?x=1",
  "/grpc.health.v1.Health/Check",
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
];

const INTERNAL = 13;

const TWISTS: readonly Twist[] = [
  (call, random, message) => {
    const [text, deadlineMs] = random.pick(TIMEOUTS);
    return {
      ...withHeaders(`grpc-timeout ${text}`, { "grpc-timeout": text })(call, random, message),
      deadlineMs,
    };
  },
  (call, random, message) => {
    const type = random.pick(TYPES);
    return withHeaders(`content-type ${type.slice(0, 50)}`, { "content-type": type })(call, random, message);
  },
  (call, random, message) => {
    const path = random.pick(PATHS);
    return {
      ...withHeaders(`path ${path.slice(0, 50)}`, { ":path": path })(call, random, message),
      mayClose: true,
    };
  },
  (call, random, message) => {
    const { what, encoding, bytes } = compress(message, random);
    const { headers } = call.sent;
    const sent = {
      ...call.sent,
      headers: { ...headers, "grpc-encoding": encoding },
      chunks: [frame(bytes, { flag: 1 })],
    };
    return { what, sent };
  },
  without("content-type"),
  without("te"),
  withHeaders("method GET", { ":method": "GET" }),
  withHeaders("method BREW", { ":method": "BREW" }),
  withHeaders("an unknown grpc-accept-encoding", { "grpc-accept-encoding": "snappy,,gzip;q=0" }),
  withHeaders("answers in gzip", { "grpc-accept-encoding": "gzip" }),
  withHeaders("metadata that is not base64", { "x-bin": "%%%" }),
  withHeaders("metadata named after a prototype", { __proto__x: "1", constructor: "2" }),
  withHeaders("a header of 10 KB", { "x-long": "a".repeat(10_000) }),
  (call, random, message) => ({
    ...withHeaders("headers of 100 KB", { "x-long": Array.from({ length: 100 }, () => "a".repeat(1000)) })(
      call,
      random,
      message,
    ),
    mayClose: true,
  }),
  // gRPC's specification (doc/compression.md) demands INTERNAL for this input.
  (call, random, message) => ({
    ...withChunks("the compression flag without an encoding", (bytes) => [
      frame(gzipSync(bytes), { flag: 1 }),
    ])(call, random, message),
    codeSpecified: INTERNAL,
  }),
  withChunks("an undefined flag", (bytes, random) => [frame(bytes, { flag: 2 + random.below(250) })]),
  withChunks("a prefix that is longer than the message", (bytes) => [
    frame(bytes, { length: bytes.length + 100 }),
  ]),
  withChunks("a prefix of 4 GB", (bytes) => [frame(bytes, { length: 0xffffffff })]),
  withChunks("a prefix that is shorter than the message", (bytes) => [
    frame(bytes, { length: Math.max(0, bytes.length - 3) }),
  ]),
  withChunks("two messages", (bytes) => [frame(bytes), frame(bytes)]),
  withChunks("a hundred messages", (bytes) => Array.from({ length: 100 }, () => frame(bytes))),
  withChunks("no message", () => []),
  withChunks("part of a prefix", () => [Buffer.from([0, 0])]),
  withChunks("a message in pieces", (bytes) => [
    ...Array.from(frame(bytes).subarray(0, 40), (byte) => Buffer.from([byte])),
    frame(bytes).subarray(40),
  ]),
  withChunks("5 MB", (bytes) => [frame(Buffer.concat([bytes, largeField()]))]),
  withChunks("17 MB", (bytes) => [frame(Buffer.concat([bytes, ...Array.from({ length: 4 }, largeField)]))]),
  ({ sent }) => ({ what: "a call that is cancelled", sent: { ...sent, ending: "reset" } }),
  ({ sent }) => ({ what: "a call whose client leaves", sent: { ...sent, ending: "leave" } }),
  ({ sent }, random, message) => {
    const whole = frame(message);
    return {
      what: "half a message, then a reset",
      sent: { ...sent, chunks: [whole.subarray(0, random.below(whole.length))], ending: "reset" },
    };
  },
  ({ sent }, random, message) => {
    const whole = frame(message);
    return {
      what: "half a message, then a closed connection",
      sent: { ...sent, chunks: [whole.subarray(0, random.below(whole.length))], ending: "leave" },
    };
  },
];

const LARGE_BYTES = 4_500_000;

/** An unknown field of many bytes. */
function largeField(): Buffer {
  const head = Buffer.from([0xfa, 0x3f, 0, 0, 0, 0]);
  head[2] = (LARGE_BYTES & 127) | 128;
  head[3] = ((LARGE_BYTES >>> 7) & 127) | 128;
  head[4] = ((LARGE_BYTES >>> 14) & 127) | 128;
  head[5] = LARGE_BYTES >>> 21;
  return Buffer.concat([head, Buffer.alloc(LARGE_BYTES)]);
}

/** Bytes to the gRPC port that are not a call. */
export function makeGrpcGarbage(random: Random): Input {
  const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  const noise = Buffer.from(Array.from({ length: 1 + random.below(300) }, () => random.below(256)));
  const type = random.below(10);
  const strange = Buffer.from([
    0,
    0,
    4,
    type,
    random.below(256),
    0,
    0,
    0,
    random.below(4),
    ...noise.subarray(0, 4),
  ]);
  const [what, ...parts] = random.pick<[string, ...Buffer[]]>([
    ["noise", noise],
    ["HTTP/1.1", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
    ["a preface and noise", preface, noise],
    ["a preface, settings and noise", preface, settings, noise],
    [`a frame of type ${type}`, preface, settings, strange],
    ["half a preface", preface.subarray(0, random.below(preface.length))],
    ["a TLS ClientHello", Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), noise],
    ["nothing"],
  ]);
  const bytes = Buffer.concat(parts);
  const ending = random.pick(["half-close", "leave"] as const);
  return {
    what,
    way: "HTTP",
    method: "bytes to gRPC's port",
    sent: { kind: "bytes", port: "grpc", bytes, ending, answers: 1, isStream: false },
    mayClose: true,
  };
}
