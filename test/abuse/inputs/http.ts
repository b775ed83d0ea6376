import type { Random } from "../../support/run.ts";
import type { Ending, Input, Way } from "../input.ts";

/** An HTTP/1.1 request before it is encoded. Its headers are sent unchanged, in this order, duplicates included. */
export interface HttpRequest {
  what: string;
  way: Way;
  method: string;
  verb: string;
  target: string;
  headers: readonly (readonly [name: string, value: string])[];
  body: Buffer;
  /** How the length of the body is declared. The default is Content-Length. */
  framing?: "length" | "chunked" | "none";
  ending?: Ending;
  /** The number of copies of this request that are sent at once. */
  pipelined?: number;
  isStream?: boolean;
  mayClose?: boolean;
  deadlineMs?: number;
  isForeign?: boolean;
}

/** Encodes the request. */
export function toInput(request: HttpRequest): Input {
  const { what, way, method, mayClose, deadlineMs, isForeign } = request;
  const answers = request.pipelined ?? 1;
  const bytes = Buffer.concat(Array.from({ length: answers }, () => render(request)));
  const { ending = "wait", isStream = false } = request;
  const sent = { kind: "bytes" as const, port: "http" as const, bytes, ending, answers, isStream };
  return { what, way, method, sent, mayClose, deadlineMs, isForeign };
}

function render({ verb, target, headers, body, framing = "length" }: HttpRequest): Buffer {
  const all = headers.some(([name]) => name.toLowerCase() === "host")
    ? headers
    : [["Host", "localhost"], ...headers];
  const framed = framing === "length" ? [...all, ["Content-Length", String(body.length)]] : all;
  const chunked = framing === "chunked" ? [...framed, ["Transfer-Encoding", "chunked"]] : framed;
  const head = `${verb} ${target} HTTP/1.1\r\n${chunked.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), framing === "chunked" ? chunks(body) : body]);
}

function chunks(body: Buffer): Buffer {
  const half = body.length >> 1;
  const parts = [body.subarray(0, half), body.subarray(half)].filter((part) => part.length > 0);
  const chunk = (part: Buffer): Buffer[] => [
    Buffer.from(`${part.length.toString(16)}\r\n`),
    part,
    Buffer.from("\r\n"),
  ];
  return Buffer.concat([...parts.flatMap(chunk), Buffer.from("0\r\n\r\n")]);
}

type Twist = (request: HttpRequest, random: Random) => Partial<HttpRequest>;

const adding =
  (what: string, ...added: readonly (readonly [string, string])[]): Twist =>
  ({ headers }) => ({ what, headers: [...headers, ...added] });

const replacingType =
  (change: (type: string) => string): Twist =>
  ({ headers }) => ({
    what: "an odd content-type",
    headers: headers.map(([name, value]) =>
      name === "Content-Type" ? [name, change(value)] : [name, value],
    ),
  });

/** Errors that a client can make in HTTP/1.1 on every route. */
const TWISTS: readonly Twist[] = [
  replacingType((type) => type.toUpperCase()),
  replacingType((type) => `${type}; charset=utf-8`),
  replacingType((type) => `${type};charset=utf-16`),
  replacingType((type) => `${type}; boundary="a;b"`),
  replacingType(() => ""),
  replacingType(() => "text/plain"),
  replacingType(() => "application/x-www-form-urlencoded"),
  replacingType((type) => `${type}, ${type}`),
  ({ headers }) => ({
    what: "no content-type",
    headers: headers.filter(([name]) => name !== "Content-Type"),
  }),
  () => ({ what: "a body in chunks", framing: "chunked" }),
  () => ({ what: "a body without a length", framing: "none", ending: "half-close", mayClose: true }),
  ({ headers, body }) => ({
    what: "a length longer than the body",
    headers: [...headers, ["Content-Length", String(body.length + 100)]],
    framing: "none",
    ending: "half-close",
    mayClose: true,
  }),
  ({ headers, body }) => ({
    what: "a body whose client leaves in the middle",
    headers: [...headers, ["Content-Length", String(body.length + 100)]],
    framing: "none",
    ending: "leave",
  }),
  ({ headers, body }) => ({
    what: "a length shorter than the body",
    headers: [...headers, ["Content-Length", String(body.length >> 1)]],
    framing: "none",
    mayClose: true,
  }),
  ({ headers }, random) => ({
    what: "a length that is not a number",
    headers: [...headers, ["Content-Length", random.pick(["-1", "1e3", "0x10", "9".repeat(30), "1, 2", ""])]],
    framing: "none",
    mayClose: true,
  }),
  ({ headers, body }) => ({
    what: "a length and chunks",
    headers: [...headers, ["Content-Length", String(body.length)]],
    framing: "chunked",
    mayClose: true,
  }),
  ({ headers }, random) => ({
    what: "chunks that are garbage",
    headers: [...headers, ["Transfer-Encoding", "chunked"]],
    body: Buffer.from(
      random.pick([
        "zz\r\n",
        "ffffffffffffffff\r\na",
        "5\r\nabcdefgh\r\n0\r\n\r\n",
        "-1\r\n\r\n",
        "1;a=b\r\nx\r\n",
      ]),
    ),
    framing: "none",
    ending: "half-close",
    mayClose: true,
  }),
  ({ headers }, random) => ({
    what: "an odd transfer-encoding",
    headers: [
      ...headers,
      ["Transfer-Encoding", random.pick(["gzip, chunked", "identity", "chunked, chunked", "xchunked"])],
    ],
    framing: "none",
    ending: "half-close",
    mayClose: true,
  }),
  adding("Expect: 100-continue", ["Expect", "100-continue"]),
  adding("Expect: something else", ["Expect", "200-ok"]),
  adding(
    "an upgrade to WebSocket",
    ["Connection", "Upgrade"],
    ["Upgrade", "websocket"],
    ["Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="],
  ),
  adding(
    "an upgrade to HTTP/2",
    ["Connection", "Upgrade, HTTP2-Settings"],
    ["Upgrade", "h2c"],
    ["HTTP2-Settings", "AAMAAABkAAQAAP__"],
  ),
  adding("Connection: close", ["Connection", "close"]),
  adding("answers in gzip", ["Accept-Encoding", "gzip"]),
  adding("answers in an unknown encoding", ["Accept-Encoding", "zstd;q=2, *;q=0, gzip;q=abc"]),
  adding("an odd Accept", ["Accept", "\u0000".repeat(0) + "x/y;q=9"]),
  adding("odd header names", ["__proto__", "1"], ["constructor", "2"]),
  (request, random) => ({
    ...adding("headers of 100 KB", ["X-Long", "a".repeat(100_000)])(request, random),
    mayClose: true,
  }),
  (request, random) => ({
    ...adding("3,000 headers", ...Array.from({ length: 3000 }, (_, each) => [`X-${each}`, ""] as const))(
      request,
      random,
    ),
    mayClose: true,
  }),
  (request, random) => ({
    ...adding("control characters in a header", ["X-Odd", "a\u0001b\u007f\u00ff"])(request, random),
    mayClose: true,
  }),
  (request, random) => ({ ...adding("a header without a name", ["", "a"])(request, random), mayClose: true }),
  (request, random) => ({
    ...adding("a second Host", ["Host", "localhost"], ["Host", "localhost"])(request, random),
    mayClose: true,
  }),
  (request, random) => ({
    ...adding(
      "a page of another site",
      ["Origin", "https://evil.example"],
      ["Sec-Fetch-Site", "cross-site"],
    )(request, random),
    isForeign: true,
  }),
  (request, random) => ({
    ...adding("a page of another site, of an old browser", ["Origin", "https://evil.example"])(
      request,
      random,
    ),
    isForeign: true,
  }),
  (request, random) => ({
    ...adding("a page without an origin", ["Origin", "null"])(request, random),
    isForeign: true,
  }),
  (request, random) => ({
    ...adding("a DNS-rebound host name", ["Host", "evil.example"])(request, random),
    isForeign: true,
  }),
  () => ({ what: "ten requests at once", pipelined: 10 }),
  (_, random) => ({
    what: "an odd HTTP method",
    verb: random.pick(["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "PROPFIND"]),
    mayClose: true,
    ending: "half-close",
  }),
  (_, random) => ({
    what: "an unknown HTTP method",
    verb: random.pick(["BREW", "post", "P\u0000", ""]),
    mayClose: true,
  }),
  ({ target }, random) => ({
    what: "an odd target",
    target: random.pick([
      `${target}/`,
      `${target}?a=%ZZ&message=${"a".repeat(2000)}`,
      `http://evil.example${target}`,
      `/${target}`,
      `${target}#a`,
      target.toUpperCase(),
      `${target}%00`,
      "*",
      "/../../etc/passwd",
      `/${"a".repeat(10_000)}`,
    ]),
    mayClose: true,
  }),
];

export const twist = (request: HttpRequest, random: Random): HttpRequest => ({
  ...request,
  ...random.pick(TWISTS)(request, random),
});
