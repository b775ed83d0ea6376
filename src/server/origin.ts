import type { IncomingHttpHeaders } from "node:http";
import { isIPv4, isIPv6 } from "node:net";
import { cors } from "@connectrpc/connect";

/**
 * Decides which requests of web browsers are served. A page of any website can send requests to every address that its
 * visitor can reach, including loopback. Without this check, every website could change the budgets of a server without
 * keys. Programs send neither Origin nor Sec-Fetch-Site and are not affected.
 */
export interface OriginPolicy {
  /** The reason why a request is refused, with the setting that would allow it. Undefined: the request is allowed. */
  refusal(headers: IncomingHttpHeaders): string | undefined;
  /** CORS headers that let a page of an allowed origin read the answer. */
  answerHeaders(headers: IncomingHttpHeaders): Record<string, string>;
  /** CORS headers that answer a preflight request (OPTIONS). */
  preflightHeaders(headers: IncomingHttpHeaders): Record<string, string>;
}

const PREFLIGHT_SECONDS = "7200";
const EXPOSED = [...cors.exposedHeaders, "retry-after"].join(", ");
const ALLOWED = [...cors.allowedHeaders, "authorization"].join(", ");

export function createOriginPolicy(options: {
  /** Whether the server itself speaks TLS. */
  hasTls: boolean;
  /** The address on which the server listens. */
  host: string;
  /** More host names of this server. */
  httpHosts: readonly string[];
  /** The origins whose pages may call this server. */
  corsOrigins: readonly string[];
}): OriginPolicy {
  const corsOrigins = new Set(options.corsOrigins);
  const hosts = new Set([options.host, ...options.httpHosts].map(bare));
  const isOpen = !isLoopback(bare(options.host));
  const isOwnHost = (name: string): boolean =>
    isLoopback(name) ||
    hosts.has(name) ||
    // An attacker can point a host name of its own at this server (DNS rebinding), but an IP address in Host is always
    // the one that was called.
    (isOpen && (isIPv4(name) || isIPv6(name)));
  const isListed = ({ origin }: IncomingHttpHeaders): boolean =>
    origin !== undefined && corsOrigins.has(origin.toLowerCase());

  return {
    refusal(headers) {
      const { host, origin } = headers;
      const name = host === undefined ? undefined : hostIn(host);
      // A request without Host is HTTP/1.0, which no browser sends.
      if (host !== undefined && (name === undefined || !isOwnHost(name)))
        return `the host ${quoted(host)} is not one of this server's; set HTTP_HOSTS to allow it`;
      if (isListed(headers)) return undefined;
      if (origin !== undefined && !isSame(origin, host, options.hasTls))
        return `pages of the origin ${quoted(origin)} may not call this server; set CORS_ORIGINS to allow them`;
      return headers["sec-fetch-site"] === "cross-site"
        ? "pages of other websites may not call this server; set CORS_ORIGINS to allow them"
        : undefined;
    },
    answerHeaders(headers): Record<string, string> {
      // `vary` keeps caches from answering one origin with the response for another.
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
      // A browser sends this header before a public page may call an address in a private network.
      ...(headers["access-control-request-private-network"] === "true" && {
        "access-control-allow-private-network": "true",
      }),
    }),
  };
}

export const isLoopback = (name: string): boolean =>
  name === "localhost" ||
  name.endsWith(".localhost") ||
  name === "::1" ||
  (isIPv4(name) && name.startsWith("127."));

/** The name in lower case, without the brackets of an IPv6 address and without a trailing dot. */
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

/**
 * Whether the page came from this server. Without TLS, a proxy may terminate it, so both schemes are possible. With TLS, a page with
 * the scheme http was sent by someone else: a network can make up such a page for any address.
 */
const isSame = (origin: string, host: string | undefined, hasTls: boolean): boolean => {
  const [scheme] = (hasTls ? /^https:\/\//i : /^https?:\/\//i).exec(origin) ?? [];
  return (
    host !== undefined &&
    scheme !== undefined &&
    origin.slice(scheme.length).toLowerCase() === host.toLowerCase()
  );
};

const QUOTED_CHARACTERS_MAX = 100;
const quoted = (text: string): string => JSON.stringify(text.slice(0, QUOTED_CHARACTERS_MAX).toWellFormed());
