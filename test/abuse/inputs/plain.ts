import type { Random } from "../../support/run.ts";
import type { Input } from "../input.ts";
import { type HttpRequest, toInput, twist } from "./http.ts";

/** Requests that call no method: health checks, unknown paths, and bytes that are not HTTP. */

const TARGETS = [
  "/healthz",
  "/readyz",
  "/",
  "/favicon.ico",
  "/metrics",
  "/budget.v1.BudgetService/",
  "/budget.v1.BudgetService/Nothing",
  "/healthz/../readyz",
  "/get_budget",
  "/set_budget",
  "/__proto__",
  "/constructor",
  "/%E0%A4%A",
  "/healthz?a=b",
];
const VERBS = ["GET", "GET", "POST", "HEAD", "OPTIONS", "DELETE"];

export function makePlainRequest(random: Random): Input {
  if (random.below(4) === 0) return garbage(random);
  const verb = random.pick(VERBS);
  const request: HttpRequest = {
    what: "a plain request",
    way: "HTTP",
    method: "",
    verb,
    target: random.pick(TARGETS),
    headers: [["Content-Type", "application/json"]],
    body: verb === "POST" ? Buffer.from("{}") : Buffer.alloc(0),
    // The answer to HEAD has a length and no body.
    ending: verb === "HEAD" ? "half-close" : "wait",
    mayClose: verb === "HEAD",
  };
  const twisted = random.below(2) === 0 ? twist(request, random) : request;
  const input = toInput({ ...twisted, isForeign: false });
  return { ...input, method: twisted.target.slice(0, 100) };
}

function garbage(random: Random): Input {
  const noise = Buffer.from(Array.from({ length: 1 + random.below(300) }, () => random.below(256)));
  const [what, ...parts] = random.pick<[string, ...(Buffer | string)[]]>([
    ["noise", noise],
    ["a request and noise", "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", noise],
    ["half a line", "POST /get_bud"],
    ["headers that do not end", "POST /get_budget HTTP/1.1\r\nHost: a\r\nX: "],
    ["HTTP/0.9", "GET /\r\n"],
    ["HTTP/1.0", "GET /healthz HTTP/1.0\r\n\r\n"],
    ["HTTP/3.0", "GET / HTTP/3.0\r\nHost: a\r\n\r\n"],
    ["no Host", "GET /healthz HTTP/1.1\r\n\r\n"],
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", noise],
    ["a TLS ClientHello", Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), noise],
    ["lines that end in LF alone", "GET /healthz HTTP/1.1\nHost: a\n\n"],
    ["a folded header", "GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"],
    ["CONNECT", "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n"],
    ["nothing", ""],
  ]);
  const bytes = Buffer.concat(parts.map((part) => Buffer.from(part as Buffer)));
  return {
    what,
    way: "HTTP",
    method: "bytes to HTTP's port",
    sent: {
      kind: "bytes",
      port: "http",
      bytes,
      ending: random.pick(["half-close", "leave"]),
      answers: 1,
      isStream: false,
    },
    mayClose: true,
  };
}
