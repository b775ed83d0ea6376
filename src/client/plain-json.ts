import type { JsonObject } from "@bufbuild/protobuf";

/**
 * Converts an object to plain JSON. Objects of SDKs may have undefined members, and classes with their own `toJSON`.
 *
 * @param name The name of the parameter, for the error.
 * @throws TypeError for a value that is not an object or cannot be JSON, such as a cycle or a bigint.
 */
export function plainJson(name: string, value: object): JsonObject {
  let json: unknown;
  try {
    json = JSON.parse(JSON.stringify(value)) as unknown;
  } catch (cause) {
    throw new TypeError(`${name}: cannot be converted to JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new TypeError(`${name}: must be an object`);
  }
  return json as JsonObject;
}
