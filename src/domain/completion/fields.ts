import { invalidField } from "../errors.ts";
import { isObject, type Json, shown } from "../json.ts";

/** Where a value is in the request, for errors: as in `completion.usage`. */
export interface At {
  readonly json: Json;
  readonly path: string;
}

export const objectsOf = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);

/** An object below, or an empty one where there is none: the details of a usage are optional with every provider. */
export function below({ json, path }: At, key: string): At {
  const value = json[key];
  return { json: isObject(value) ? value : {}, path: `${path}.${key}` };
}

/**
 * The usage below `key`, which must be there and have one of these counts: an earlier chunk of a stream has none, and is
 * not for free.
 */
export function usageBelow(at: At, key: string, ...counts: readonly string[]): At {
  const usage = below(at, key);
  if (counts.some((count) => usage.json[count] !== undefined && usage.json[count] !== null)) return usage;
  throw invalidField(
    usage.path,
    `is missing, or has no ${counts[0] ?? "count"}; of a stream, send the last chunk`,
  );
}

/** The first of these keys that is there. Absent and null are undefined; what is no count is INVALID_FIELD. */
export function countAt({ json, path }: At, ...keys: readonly string[]): number | undefined {
  for (const key of keys) {
    const value = json[key];
    if (value === undefined || value === null) continue;
    if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
    throw invalidField(`${path}.${key}`, `must be an integer from 0 to 2^53-1, and is ${shown(value)}`);
  }
  return undefined;
}

/** Seconds or dollars: a number of at least 0, written as a number or as text. */
export function numberAt({ json, path }: At, key: string): number | undefined {
  const value = json[key];
  if (value === undefined || value === null) return undefined;
  const number = typeof value === "string" && /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : value;
  if (typeof number === "number" && number >= 0 && number <= Number.MAX_SAFE_INTEGER) return number;
  throw invalidField(`${path}.${key}`, `must be a number from 0 to 2^53-1, and is ${shown(value)}`);
}

export const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
