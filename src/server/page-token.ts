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

/** The position, or undefined for the first page. @throws INVALID_FIELD page_token */
export function decodePageToken(
  request: readonly unknown[],
  token: string,
  partsExpected: number,
): Position | undefined {
  if (token === "") return undefined;
  const [body = "", check, ...rest] = token.split(".");
  if (rest.length > 0 || check !== digest(request, body)) {
    throw invalidField(
      "page_token",
      "must be next_page_token of the page before, with the other fields unchanged",
    );
  }
  const position = JSON.parse(Buffer.from(body, "base64url").toString()) as Position;
  if (position.length !== partsExpected) throw invalidField("page_token", "belongs to another list");
  return position;
}

const digest = (request: readonly unknown[], body: string): string =>
  hash("sha256", JSON.stringify([request, body]), "base64url").slice(0, DIGEST_CHARACTERS);
