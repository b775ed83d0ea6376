/** The kinds of settings: how each is parsed, and what it allows. */

import { isSecret } from "../domain/key.ts";
import { readDatabaseUrl } from "./database-url.ts";

/** One setting: how to parse it, its default, and its allowed values. */
export interface Setting<T> {
  default: T;
  /** The default as the documentation shows it. */
  shown: string;
  allowed: string;
  about: string;
  /** Whether an error must not show the value. */
  isSecret?: boolean;
  /** Whether the value may be in a file, which the variable with `_FILE` after the name of this one names. */
  mayBeInFile?: boolean;
  parse(text: string): T | undefined;
}

export const wholeNumber = (
  bounds: { default: number; min: number; max: number },
  about: string,
): Setting<number> => ({
  default: bounds.default,
  shown: String(bounds.default),
  allowed: `a whole number from ${bounds.min} to ${bounds.max}`,
  about,
  parse: (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    return value >= bounds.min && value <= bounds.max ? value : undefined;
  },
});

export const oneOf = <const T extends string>(
  fallback: T,
  values: readonly T[],
  about: string,
): Setting<T> => ({
  default: fallback,
  shown: fallback,
  allowed: `one of ${values.join(", ")}`,
  about,
  parse: (text) => values.find((value) => value === text),
});

export const text = (fallback: string, allowed: string, about: string, valid: RegExp): Setting<string> => ({
  default: fallback,
  shown: fallback,
  allowed,
  about,
  parse: (value) => (valid.test(value) ? value : undefined),
});

export const postgresUrl: Setting<string | undefined> = {
  default: undefined,
  shown: "",
  allowed: "a URL such as postgres://user:password@host:5432/database",
  about:
    "PostgreSQL 14 or later for the budgets. Several hosts are separated by commas. Absent: an embedded PostgreSQL, with its data in DATA_DIR.",
  mayBeInFile: true,
  parse: (value) => (readDatabaseUrl(value) === undefined ? undefined : value),
};

export const filePath = (about: string): Setting<string | undefined> => ({
  default: undefined,
  shown: "",
  allowed: "the path of a file",
  about,
  parse: (value) => (/^[^\0]{1,4096}$/.test(value) ? value : undefined),
});

/** Items with commas between them; spaces around them are dropped. */
export const list = (allowed: string, about: string, valid: RegExp): Setting<readonly string[]> => ({
  default: [],
  shown: "",
  allowed,
  about,
  parse: (value) => {
    const items = value.split(",").map((item) => item.trim().toLowerCase());
    return items.every((item) => valid.test(item)) ? items : undefined;
  },
});

export const optionalText = (allowed: string, about: string, valid: RegExp): Setting<string | undefined> => ({
  default: undefined,
  shown: "",
  allowed,
  about,
  parse: (value) => (valid.test(value) ? value : undefined),
});

/** A setting whose value must never be shown. */
export const operatorKey: Setting<string | undefined> = {
  default: undefined,
  shown: "",
  allowed: "pk_ and 43 characters of base64url (32 random bytes)",
  about: "A key with ROLE_OPERATOR, to create the other keys with. With it, every call needs a key.",
  isSecret: true,
  mayBeInFile: true,
  parse: (value) => (isSecret(value) ? value : undefined),
};
