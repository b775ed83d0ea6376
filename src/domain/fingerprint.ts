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

/** What an operation carries so that a repeated request can be told from another one with the same id. */
export interface Fingerprints {
  /** Of the present version, as it is stored. */
  fingerprint: string;
  /** Version 1 of the same request, for rows that were stored before version 2. Computed only when such a row is met. */
  fingerprintV1?: () => string;
}

const PREFIX = "2.";
/** 132 bits. */
const CHARACTERS = 22;

/** A short hash of a canonical text, with the version of the rules by which the text was made. */
export const fingerprintOf = (text: string): string =>
  PREFIX + hash("sha256", text, "base64url").slice(0, CHARACTERS);

/** Whether the request that stored a fingerprint and the request of an operation are the same. */
export const isSameRequest = (stored: string, { fingerprint, fingerprintV1 }: Fingerprints): boolean =>
  stored === fingerprint || (!hasVersion(stored) && fingerprintV1?.() === stored);

/** Version 1 has no prefix, and a dot is no character of base64url. */
const hasVersion = (stored: string): boolean => stored.includes(".");

/**
 * A text that differs whenever two values differ. Maps travel in no particular order, so keys are sorted. A member that is
 * undefined is left out; everything else counts, also zeros, empty strings and nulls.
 */
export function canonicalText(value: Printable): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  // Also numbers: -0 becomes "0".
  if (typeof value !== "object" || value === null) return String(value);
  if (isList(value)) return `[${value.map(canonicalText).join(",")}]`;
  let members = "";
  for (const key of Object.keys(value).toSorted()) {
    const member = value[key];
    if (member !== undefined) members += `${JSON.stringify(key)}:${canonicalText(member)},`;
  }
  return `{${members}}`;
}

const isList = (value: object): value is readonly Printable[] => Array.isArray(value);
