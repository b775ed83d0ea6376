import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Role } from "../domain/key.ts";
import { checkName } from "../domain/name.ts";

/** Who a client certificate says that its owner is. */
export interface CertificateIdentity {
  readonly role: Role;
  /** Undefined for an operator. */
  readonly project: string | undefined;
  /** The only user, with those below it. Undefined: all users of the project. */
  readonly user: string | undefined;
}

const OPERATOR = "purser://operator";
const SCHEME = "purser://";
const NAME = /^purser:\/\/(reader|spender|admin)\/([^/?#]+)(?:\/([^/?#]+))?$/;

/**
 * Reads the identity from the URI names of a certificate: `purser://ROLE/PROJECT`, `purser://ROLE/PROJECT/USER` or
 * `purser://operator`, percent-encoded and in lower case. Names with another scheme are ignored. Undefined: there is no such name,
 * more than one, or one that is malformed.
 */
export function certificateIdentity(uriNames: readonly string[]): CertificateIdentity | undefined {
  const [name, ...others] = uriNames.filter((uri) => uri.toLowerCase().startsWith(SCHEME));
  if (name === undefined || others.length > 0) return undefined;
  if (name === OPERATOR) return { role: "OPERATOR", project: undefined, user: undefined };
  const [, role, project, user] = NAME.exec(name) ?? [];
  if (role === undefined || project === undefined) return undefined;
  try {
    return {
      role: role.toUpperCase() as Role,
      project: checkName("project", decodeURIComponent(project)),
      user: user === undefined ? undefined : checkName("user", decodeURIComponent(user)),
    };
  } catch {
    return undefined;
  }
}

/**
 * The URI names in a certificate's subject alternative names, as Node.js writes them: `DNS:a.example, URI:purser://operator`.
 * Node.js puts a value with special characters in quotes, as in JSON. No URI has such characters, so a URI in quotes is left out.
 */
export const uriNamesIn = (subjectAltName: string): string[] =>
  splitUnquoted(subjectAltName)
    .filter((name) => name.startsWith(URI) && !name.includes('"'))
    .map((name) => name.slice(URI.length));

const URI = "URI:";
const SEPARATOR = ", ";

/** Splits a list at its separators, except those inside of quotes. */
function splitUnquoted(list: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < list.length; at++) {
    if (list[at] === '"') isQuoted = !isQuoted;
    else if (isQuoted && list[at] === "\\") at++;
    else if (!isQuoted && list.startsWith(SEPARATOR, at)) {
      parts.push(list.slice(start, at));
      start = at + SEPARATOR.length;
    }
  }
  return [...parts, list.slice(start)];
}

/** The names of each connection, because reading a certificate takes longer than a call. Null: none. */
const namesOf = new WeakMap<Socket, readonly string[] | null>();

/** The URI names of the client certificate of a connection. Undefined: the client has not shown one that is trusted. */
export function certificateNames(socket: Socket | undefined): readonly string[] | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  return namesOf.getOrInsertComputed(socket, () => readNames(socket)) ?? undefined;
}

function readNames(socket: TLSSocket): readonly string[] | null {
  // `authorized` alone says nothing: it is also true for a resumed session without a certificate.
  if (!socket.authorized) return null;
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? null : Object.freeze(uriNamesIn(certificate.subjectAltName ?? ""));
}
