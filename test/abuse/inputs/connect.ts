import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Random } from "../../support/run.ts";
import { compress } from "../compressions.ts";
import type { Input, Way } from "../input.ts";
import type { World } from "../world.ts";
import { encode, type Strangeness } from "./encoded.ts";
import { frame } from "./grpc.ts";
import { type HttpRequest, toInput, twist } from "./http.ts";

/** Calls over HTTP/1.1: Connect in binary, in JSON and by GET, Connect streams, and gRPC-Web in its three forms. */

const TYPES = {
  Connect: "application/proto",
  "Connect JSON": "application/json",
  "Connect stream": "application/connect+proto",
  "Connect JSON stream": "application/connect+json",
  "gRPC-Web": "application/grpc-web+proto",
  "gRPC-Web text": "application/grpc-web-text+proto",
  "gRPC-Web JSON": "application/grpc-web+json",
} as const satisfies Partial<Record<Way, string>>;

type ConnectWay = keyof typeof TYPES;

const UNARY: readonly ConnectWay[] = [
  "Connect",
  "Connect JSON",
  "Connect JSON",
  "gRPC-Web",
  "gRPC-Web text",
  "gRPC-Web JSON",
];
const STREAMS: readonly ConnectWay[] = ["Connect stream", "Connect JSON stream", "gRPC-Web", "gRPC-Web JSON"];
const FRAMED = new Set<ConnectWay>([
  "Connect stream",
  "Connect JSON stream",
  "gRPC-Web",
  "gRPC-Web text",
  "gRPC-Web JSON",
]);
const isWeb = (way: ConnectWay): boolean => way.startsWith("gRPC-Web");

const GET_ONE_IN = 4;

export function makeHttpCall(
  by: { random: Random; world: World },
  method: DescMethod,
  strangeness: Strangeness | "odd transport",
): Input {
  const { random } = by;
  const isStream = method.methodKind === "server_streaming";
  const way = random.pick(isStream ? STREAMS : UNARY);
  const isJson = way.includes("JSON");
  const encoded = encode(
    by,
    method,
    isJson ? "json" : "protobuf",
    strangeness === "odd transport" ? "valid" : strangeness,
  );
  const isRead = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  if (isRead && !FRAMED.has(way) && random.below(GET_ONE_IN) === 0) {
    return toInput(getRequest(by.random, method, way, encoded, strangeness === "odd transport"));
  }
  const framed = FRAMED.has(way) ? frame(encoded.bytes) : encoded.bytes;
  const body = way === "gRPC-Web text" ? Buffer.from(framed.toString("base64")) : framed;
  const request: HttpRequest = {
    what: encoded.what,
    way,
    method: method.name,
    verb: "POST",
    target: targetOf(method),
    headers: [["Content-Type", TYPES[way]]],
    body,
    isStream,
  };
  if (strangeness !== "odd transport") return toInput(request);
  return toInput(
    random.below(2) === 0 ? twist(request, random) : twistCall(request, way, encoded.bytes, random),
  );
}

const targetOf = (method: DescMethod): string => `/${method.parent.typeName}/${method.name}`;

function getRequest(
  random: Random,
  method: DescMethod,
  way: ConnectWay,
  { what, bytes }: { what: string; bytes: Buffer },
  isOdd: boolean,
): HttpRequest {
  const query = new URLSearchParams({ connect: "v1", encoding: way === "Connect" ? "proto" : "json" });
  query.set("base64", "1");
  query.set("message", bytes.toString("base64url"));
  const [name, value] = random.pick([
    ["connect", "v2"],
    ["encoding", "xml"],
    ["encoding", ""],
    ["base64", "0"],
    ["base64", "yes"],
    ["compression", "gzip"],
    ["compression", "snappy"],
    ["message", "%%%"],
    ["message", ""],
  ] as const);
  if (isOdd) query.set(name, value);
  return {
    what: isOdd ? `GET with ${name}=${value}` : `${what}, by GET`,
    way,
    method: method.name,
    verb: "GET",
    target: `${targetOf(method)}?${query.toString()}`,
    headers: [],
    body: Buffer.alloc(0),
    framing: "none",
    // Node refuses a request line that is longer than the limit of its headers.
    mayClose: bytes.length > 8000,
  };
}

const DAY_MS = 86_400_000;

/** Values of Connect's timeout header, each with its time if Connect allows the value (at most ten digits). */
const TIMEOUTS_MS: readonly [text: string, ms?: number][] = [
  ["0"],
  ["1"],
  ["3600000", 3_600_000],
  [String(25 * DAY_MS), 25 * DAY_MS],
  ["9999999999", 9_999_999_999],
  ["99999999999"],
  ["-1"],
  ["1.5"],
  ["garbage"],
  [""],
];

/** Errors that are specific to Connect or gRPC-Web. */
function twistCall(request: HttpRequest, way: ConnectWay, message: Buffer, random: Random): HttpRequest {
  const add = (what: string, name: string, value: string): HttpRequest => ({
    ...request,
    what,
    headers: [...request.headers, [name, value]],
  });
  const choices: (() => HttpRequest)[] = [
    () => {
      const [text, deadlineMs] = random.pick(TIMEOUTS_MS);
      if (isWeb(way)) return add(`grpc-timeout ${text}m`, "Grpc-Timeout", `${text}m`);
      return { ...add(`Connect-Timeout-Ms ${text}`, "Connect-Timeout-Ms", text), deadlineMs };
    },
    () =>
      add("an unknown version of Connect", "Connect-Protocol-Version", random.pick(["2", "0", "", "abc"])),
    () => compressed(request, way, message, random),
    () => compressed(request, way, message, random),
    () => compressed(request, way, message, random),
    () => ({ ...request, what: "an empty body", body: Buffer.alloc(0) }),
    () => ({
      ...request,
      what: "a body of 5 MB",
      body: Buffer.concat([request.body, Buffer.alloc(5_000_000, " ")]),
    }),
    () => ({
      ...request,
      what: "a body of 20 MB",
      body: Buffer.concat([request.body, Buffer.alloc(20_000_000, " ")]),
    }),
  ];
  if (FRAMED.has(way)) {
    const reframed = (what: string, body: Buffer) => () => ({
      ...request,
      what,
      body: way === "gRPC-Web text" ? Buffer.from(body.toString("base64")) : body,
    });
    choices.push(
      reframed("a frame with odd flags", frame(message, { flag: 1 + random.below(255) })),
      reframed("a frame that is longer than the message", frame(message, { length: message.length + 100 })),
      reframed("a frame of 4 GB", frame(message, { length: 0xffffffff })),
      reframed("a frame that is shorter than the message", frame(message, { length: message.length >> 1 })),
      reframed("two frames", Buffer.concat([frame(message), frame(message)])),
      reframed("part of a prefix", Buffer.from([0, 0, 0])),
      () => ({
        ...request,
        what: "text that is not base64",
        body: Buffer.concat([request.body, Buffer.from("%=%=")]),
      }),
    );
  }
  return random.pick(choices)();
}

/** Connect's unary calls are compressed as a whole; streams and gRPC-Web compress each message. */
function compressed(request: HttpRequest, way: ConnectWay, message: Buffer, random: Random): HttpRequest {
  const { what, encoding, bytes } = compress(message, random);
  if (!FRAMED.has(way)) {
    return { ...request, what, headers: [...request.headers, ["Content-Encoding", encoding]], body: bytes };
  }
  const header = isWeb(way) ? "Grpc-Encoding" : "Connect-Content-Encoding";
  const framed = frame(bytes, { flag: 1 });
  const body = way === "gRPC-Web text" ? Buffer.from(framed.toString("base64")) : framed;
  return { ...request, what, headers: [...request.headers, [header, encoding]], body };
}
