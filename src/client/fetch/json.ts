import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject as isObjectOf } from "../../domain/json.ts";

export type { JsonObject } from "@bufbuild/protobuf";

export const isObject = isObjectOf<JsonValue>;

export const objectAt = (value: unknown, key: string): JsonObject | undefined => {
  const inner = isObject(value) ? value[key] : undefined;
  return isObject(inner) ? inner : undefined;
};

export const textAt = (value: unknown, key: string): string => {
  const inner = isObject(value) ? value[key] : undefined;
  return typeof inner === "string" ? inner : "";
};

export const listAt = (value: unknown, key: string): readonly unknown[] => {
  const inner = isObject(value) ? value[key] : undefined;
  return Array.isArray(inner) ? inner : [];
};

/** An integer of at least 0. Undefined for anything else: the provider refuses it or ignores it. */
export const countOf = (value: unknown): number | undefined =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;

/** Parses a JSON object. Undefined if the text is not one. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** These fields of an object, except absent and null ones. */
export const pick = (json: JsonObject, keys: readonly string[]): JsonObject =>
  Object.fromEntries(
    Object.entries(json).filter(
      ([key, value]) => keys.includes(key) && value !== null && value !== undefined,
    ),
  );

/** An object without these fields and without null fields. */
export const omit = (json: JsonObject, keys: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(json).filter(([key, value]) => !keys.includes(key) && value !== null));
