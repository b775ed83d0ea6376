import { invalidField } from "../errors.ts";

/** The value as an object. Throws INVALID_FIELD with the path for anything else. */
export function objectAt(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw invalidField(path, "must be an object");
}

/** The value as a string. Throws INVALID_FIELD with the path for anything else. */
export function textAt(value: unknown, path: string): string {
  if (typeof value === "string") return value;
  throw invalidField(path, "must be a string");
}
