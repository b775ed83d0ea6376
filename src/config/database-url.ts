/** Reads DATABASE_URL, which may name several hosts, as libpq's URLs may: postgres://user:password@one:5432,two:5432/database */

/** What a host must be to be used. `writable`: transactions can write. `primary`: it is not a standby. */
export type HostTarget = "any" | "writable" | "primary";

export interface DatabaseUrl {
  /** A URL for each host, in their order. */
  readonly hosts: readonly { readonly name: string; readonly url: string }[];
  readonly target: HostTarget;
  /** Hosts, ports and database, without the user and the password. */
  readonly name: string;
  /** Whether TLS encrypts without a check of who answers. */
  readonly isUnchecked: boolean;
}

const SCHEME = /^postgres(?:ql)?:\/\//;
const DEFAULT_PORT = "5432";

const TARGETS: Readonly<Record<string, HostTarget>> = {
  any: "any",
  "read-write": "writable",
  primary: "primary",
};
const SSL_MODES: readonly string[] = ["disable", "require", "verify-ca", "verify-full", "no-verify"];

/** Returns what a URL says, or a text that says what it must be. Undefined: it is no URL of PostgreSQL. */
export function readDatabaseUrl(text: string): DatabaseUrl | string | undefined {
  const [scheme] = SCHEME.exec(text) ?? [];
  if (scheme === undefined || scheme === text || /\s/.test(text)) return undefined;
  const afterScheme = text.slice(scheme.length);
  const authorityEnd = afterScheme.search(/[/?#]/);
  const authority = authorityEnd < 0 ? afterScheme : afterScheme.slice(0, authorityEnd);
  const rest = afterScheme.slice(authority.length);
  const userEnd = authority.lastIndexOf("@") + 1;
  const user = authority.slice(0, userEnd);
  const places = authority.slice(userEnd).split(",");
  const urls = places.map((place) => `${scheme}${user}${place}${rest}`);
  if (!urls.every((url) => URL.canParse(url))) return undefined;
  if (places.length > 1 && places.includes("")) return undefined;
  const { searchParams, pathname } = new URL(urls[0] ?? "");
  const fault = faultOf(searchParams);
  if (fault !== undefined) return fault;
  const hosts = urls.map((url) => ({ name: placeOf(url), url: withoutSystemRoots(url) }));
  const given = searchParams.get("target_session_attrs");
  // Purser cannot use a host that is read-only, so several hosts without the parameter mean the one that can write.
  const target = given === null ? (hosts.length > 1 ? "writable" : "any") : (TARGETS[given] ?? "any");
  const sslMode = searchParams.get("sslmode");
  return {
    hosts,
    target,
    name: `${hosts.map(({ name }) => name).join(",")}${pathname}`,
    isUnchecked: sslMode === "no-verify" || (sslMode === "require" && !searchParams.has("sslrootcert")),
  };
}

/** The host and the port of a URL. */
function placeOf(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port === "" ? DEFAULT_PORT : port}`;
}

/** What the parameters must be, if they are something else. */
function faultOf(parameters: URLSearchParams): string | undefined {
  const target = parameters.get("target_session_attrs");
  if (target !== null && TARGETS[target] === undefined)
    return `a URL whose target_session_attrs is one of ${Object.keys(TARGETS).join(", ")}, because Purser writes`;
  if ((parameters.get("host") ?? "").includes(","))
    return "a URL with its hosts before the path, such as postgres://user:password@one:5432,two:5432/database";
  const sslMode = parameters.get("sslmode");
  if (sslMode !== null && !SSL_MODES.includes(sslMode))
    return `a URL whose sslmode is one of ${SSL_MODES.join(", ")}`;
  const roots = parameters.get("sslrootcert");
  if (sslMode === "verify-ca" && (roots === null || roots === "system"))
    return "a URL with sslrootcert=FILE, because sslmode is verify-ca: public authorities sign for everybody";
  if (roots === "system" && sslMode !== "verify-full")
    return "a URL with sslmode=verify-full, because sslrootcert is system";
  return undefined;
}

/** Without a file of authorities, Node.js trusts those that are public, which libpq calls `system`. */
function withoutSystemRoots(text: string): string {
  const url = new URL(text);
  if (url.searchParams.get("sslrootcert") !== "system") return text;
  url.searchParams.delete("sslrootcert");
  return url.href;
}
