import type { JsonObject } from "@bufbuild/protobuf";

/**
 * An object as plain JSON: what an SDK gives has members that are undefined, and classes with a `toJSON` of their own.
 *
 * @param name Of the parameter, for the error.
 * @throws TypeError for what is no object, or cannot be JSON: a cycle, a bigint.
 */
export function plainJson(name: string, value: object): JsonObject {
  let json: unknown;
  try {
    json = JSON.parse(JSON.stringify(value)) as unknown;
  } catch (cause) {
    throw new TypeError(`${name}: cannot be written as JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new TypeError(`${name}: must be an object`);
  }
  return json as JsonObject;
}
