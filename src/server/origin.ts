import type { IncomingHttpHeaders } from "node:http";
import { isIPv4, isIPv6 } from "node:net";
import { cors } from "@connectrpc/connect";

/**
 * Which requests of web browsers are served. A page of any website can send requests to an address that its visitor can reach,
 * and loopback is one: a server without keys would let every website change budgets. Programs send neither Origin nor
 * Sec-Fetch-Site, and are not affected.
 */
export interface OriginPolicy {
  /** Why a request is refused, and which setting allows it. Undefined: it is served. */
  refusal(headers: IncomingHttpHeaders): string | undefined;
  /** Headers that let the page of an allowed origin read the answer. */
  answerHeaders(headers: IncomingHttpHeaders): Record<string, string>;
  /** Headers that answer the question of a browser whether it may send a request, with OPTIONS. */
  preflightHeaders(headers: IncomingHttpHeaders): Record<string, string>;
}

const PREFLIGHT_SECONDS = "7200";
const EXPOSED = [...cors.exposedHeaders, "retry-after"].join(", ");
const ALLOWED = [...cors.allowedHeaders, "authorization"].join(", ");

export function createOriginPolicy(options: {
  /** Where the server listens. */
  host: string;
  /** Host names beside it that are this server's. */
  httpHosts: readonly string[];
  /** Origins whose pages may call. */
  corsOrigins: readonly string[];
}): OriginPolicy {
  const corsOrigins = new Set(options.corsOrigins);
  const hosts = new Set([options.host, ...options.httpHosts].map(bare));
  const isOpen = !isLoopback(bare(options.host));
  const isOwnHost = (name: string): boolean =>
    isLoopback(name) ||
    hosts.has(name) ||
    // An attacker can make a name of its own point here, but not an address: that is always the one that was called.
    (isOpen && (isIPv4(name) || isIPv6(name)));
  const isListed = ({ origin }: IncomingHttpHeaders): boolean =>
    origin !== undefined && corsOrigins.has(origin.toLowerCase());

  return {
    refusal(headers) {
      const { host, origin } = headers;
      const name = host === undefined ? undefined : hostIn(host);
      // HTTP/1.0 has no Host, and no browser speaks it.
      if (host !== undefined && (name === undefined || !isOwnHost(name)))
        return `the host ${quoted(host)} is not one of this server's; set HTTP_HOSTS to allow it`;
      if (isListed(headers)) return undefined;
      if (origin !== undefined && !isSame(origin, host))
        return `pages of the origin ${quoted(origin)} may not call this server; set CORS_ORIGINS to allow them`;
      return headers["sec-fetch-site"] === "cross-site"
        ? "pages of other websites may not call this server; set CORS_ORIGINS to allow them"
        : undefined;
    },
    answerHeaders(headers): Record<string, string> {
      // A cache must not give one origin what it got for another.
      if (corsOrigins.size === 0) return {};
      if (!isListed(headers)) return { vary: "Origin" };
      return {
        "access-control-allow-origin": headers.origin ?? "",
        "access-control-expose-headers": EXPOSED,
        vary: "Origin",
      };
    },
    preflightHeaders: (headers) => ({
      "access-control-allow-methods": cors.allowedMethods.join(", "),
      "access-control-allow-headers": ALLOWED,
      "access-control-max-age": PREFLIGHT_SECONDS,
      // A page of the internet asks this of an address inside of a network.
      ...(headers["access-control-request-private-network"] === "true" && {
        "access-control-allow-private-network": "true",
      }),
    }),
  };
}

const isLoopback = (name: string): boolean =>
  name === "localhost" ||
  name.endsWith(".localhost") ||
  name === "::1" ||
  (isIPv4(name) && name.startsWith("127."));

/** Without the brackets of an IPv6 address, the dot at the end of a full name, and upper case. */
const bare = (name: string): string =>
  name
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "")
    .toLowerCase();

/** The name in a Host header, without the port. */
function hostIn(host: string): string | undefined {
  const [, name] = /^(\[[0-9a-f:.]+\]|[^\s:/?#@[\]\\]+)(?::\d{0,5})?$/i.exec(host) ?? [];
  return name === undefined ? undefined : bare(name);
}

/** The page came from this very server, whether or not a proxy in front of it speaks TLS. */
const isSame = (origin: string, host: string | undefined): boolean =>
  host !== undefined &&
  /^https?:\/\//i.test(origin) &&
  origin.replace(/^https?:\/\//i, "").toLowerCase() === host.toLowerCase();

const QUOTED_CHARACTERS_MAX = 100;
const quoted = (text: string): string => JSON.stringify(text.slice(0, QUOTED_CHARACTERS_MAX).toWellFormed());
