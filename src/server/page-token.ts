import { hash } from "node:crypto";
import { invalidField } from "../domain/errors.ts";

/**
 * Page tokens: where the page before ended, and a digest that ties it to the request it came from. The digest keeps a
 * damaged token, or one of another list, from giving wrong pages in silence. It is no secret and guards none: a token
 * can only ever point into what its request may read anyway.
 */

type Position = readonly string[];

const DIGEST_CHARACTERS = 16;

/** @param request What else the request asked for: a token is good for the same request only. */
export function encodePageToken(request: readonly unknown[], position: Position): string {
  const body = Buffer.from(JSON.stringify(position)).toString("base64url");
  return `${body}.${digest(request, body)}`;
}

/** What a part of a position may be. The digest is no secret: what it vouches for is still checked. */
const PARTS = { text: /^[^\0]{1,256}$/, integer: /^\d{1,16}$/ };

/**
 * The position, or undefined for the first page.
 *
 * @param parts What the position of this list consists of.
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
    "must be next_page_token of the page before, with the other fields unchanged",
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
