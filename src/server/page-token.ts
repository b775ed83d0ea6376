import { hash } from "node:crypto";
import { invalidField } from "../domain/errors.ts";

/**
 * Encodes and decodes page tokens. A token holds the last position of the previous page and a digest that binds it to
 * its request. The digest detects damaged tokens and tokens of other lists, which would otherwise return wrong pages
 * without an error. The digest is not a secret and protects none: a token can only select positions that its request
 * may read.
 */

type Position = readonly string[];

const DIGEST_CHARACTERS = 16;

/** @param request The other fields of the request. The token is valid only with the same fields. */
export function encodePageToken(request: readonly unknown[], position: Position): string {
  const body = Buffer.from(JSON.stringify(position)).toString("base64url");
  return `${body}.${digest(request, body)}`;
}

/** The allowed formats of a part of a position. A caller can compute the digest, so positions are checked as well. */
const PARTS = { text: /^[^\0]{1,256}$/, integer: /^\d{1,16}$/ };

/**
 * The position in a token. Undefined: the first page.
 *
 * @param parts The formats of the parts of this list's positions.
 * @throws INVALID_FIELD page_token
 */
export function decodePageToken(
  request: readonly unknown[],
  token: string,
  ...parts: readonly (keyof typeof PARTS)[]
): Position | undefined {
  if (token === "") return undefined;
  const [body = "", check, ...rest] = token.split(".");
  const position = rest.length === 0 && check === digest(request, body) ? positionIn(body) : [];
  if (
    position.length === parts.length &&
    parts.every((part, index) => PARTS[part].test(position[index] ?? ""))
  )
    return position;
  throw invalidField(
    "page_token",
    "must be next_page_token of the previous page, with the other fields unchanged",
  );
}

function positionIn(body: string): Position {
  try {
    const position: unknown = JSON.parse(Buffer.from(body, "base64url").toString());
    return Array.isArray(position) ? position.map(String) : [];
  } catch {
    return [];
  }
}

const digest = (request: readonly unknown[], body: string): string =>
  hash("sha256", JSON.stringify([request, body]), "base64url").slice(0, DIGEST_CHARACTERS);
