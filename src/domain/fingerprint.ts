import { hash } from "node:crypto";

/** A value that can be fingerprinted: JSON with bigints. The order of the keys of an object does not matter. */
export type Printable =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | readonly Printable[]
  | { readonly [key: string]: Printable };

const CHARACTERS = 22;

/**
 * A short hash of a payload, which distinguishes a replay from another request with the same id: 22 characters of
 * base64url, 132 bits. The keys are sorted, because the order of a map's keys is not kept on the wire.
 */
export const fingerprint = (payload: Printable): string =>
  hash("sha256", canonical(payload), "base64url").slice(0, CHARACTERS);

function canonical(value: Printable): string {
  if (value === undefined) return "~";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number") return Object.is(value, -0) ? "0" : String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonical).join(",")}]`;
  const members = Object.keys(value)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
  return `{${members.join(",")}}`;
}

const isList = (value: object): value is readonly Printable[] => Array.isArray(value);
