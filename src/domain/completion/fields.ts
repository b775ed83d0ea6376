import { invalidField } from "../errors.ts";
import { isObject, type Json, shown } from "../json.ts";

/** A JSON object and its path in the request, for errors: for example `completion.usage`. */
export interface At {
  readonly json: Json;
  readonly path: string;
}

export const objectsOf = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);

/** The object at `key`, or an empty object if there is none: usage details are optional with every provider. */
export function below({ json, path }: At, key: string): At {
  const value = json[key];
  return { json: isObject(value) ? value : {}, path: `${path}.${key}` };
}

/**
 * The usage object at `key`. Throws INVALID_FIELD if it is missing or has none of these counts: an earlier chunk of a
 * stream has no counts, and must not be priced as free.
 */
export function usageBelow(at: At, key: string, ...counts: readonly string[]): At {
  const usage = below(at, key);
  if (counts.some((count) => usage.json[count] !== undefined && usage.json[count] !== null)) return usage;
  throw invalidField(
    usage.path,
    `is missing, or has no ${counts[0] ?? "count"}; for a stream, send the last chunk`,
  );
}

/** The value of the first of these keys that is present and not null. Throws INVALID_FIELD if it is not a count. */
export function countAt({ json, path }: At, ...keys: readonly string[]): number | undefined {
  for (const key of keys) {
    const value = json[key];
    if (value === undefined || value === null) continue;
    if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
    throw invalidField(`${path}.${key}`, `must be an integer from 0 to 2^53-1, and is ${shown(value)}`);
  }
  return undefined;
}

/** Seconds or dollars: a number of at least 0, as a JSON number or as text. Throws INVALID_FIELD for anything else. */
export function numberAt({ json, path }: At, key: string): number | undefined {
  const value = json[key];
  if (value === undefined || value === null) return undefined;
  const number = typeof value === "string" && /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : value;
  if (typeof number === "number" && number >= 0 && number <= Number.MAX_SAFE_INTEGER) return number;
  throw invalidField(`${path}.${key}`, `must be a number from 0 to 2^53-1, and is ${shown(value)}`);
}

export const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
