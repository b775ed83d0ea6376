import { isUtf8 } from "node:buffer";
import { type DescMessage, fromBinary, fromJsonString, type JsonReadOptions } from "@bufbuild/protobuf";
import { invalidField } from "../domain/errors.ts";
import { DETAIL_TYPES } from "./status.ts";

/** How JSON is read and written, by Connect and by us. */
export const JSON_OPTIONS = {
  // Connect would skip what it does not know: a misspelt total would be a total of 0, a misspelt duration none at all.
  ignoreUnknownFields: false,
  registry: DETAIL_TYPES,
} as const satisfies Partial<JsonReadOptions>;

/**
 * Decoders would read bytes that are not UTF-8 as U+FFFD, and take two different names for the same.
 *
 * @throws INVALID_FIELD
 */
export function checkUtf8(bytes: Uint8Array): void {
  if (!isUtf8(bytes)) throw invalidField("request", "must be valid UTF-8");
}

/** Reads a request, whichever transport it came through. @throws INVALID_FIELD with the path of the field, where it is known */
export function decode(input: DescMessage, bytes: Uint8Array, isJson: boolean): unknown {
  if (!isJson) {
    try {
      return fromBinary(input, bytes);
    } catch (error) {
      throw invalidField("request", `is not a ${input.typeName}: ${(error as Error).message}`);
    }
  }
  checkUtf8(bytes);
  try {
    return fromJsonString(input, new TextDecoder().decode(bytes), JSON_OPTIONS);
  } catch (error) {
    const { message } = error as Error;
    throw invalidField(fieldIn(message, input), message);
  }
}

/** The longest key of a caller that becomes part of the path of a field. */
const KEY_CHARACTERS_MAX = 100;

/**
 * protobuf-es names the field by its message, as in `budget.v1.Period.count`, or says which key of a message, or which
 * value of an enum, it does not know; callers know fields by their path.
 */
function fieldIn(message: string, input: DescMessage): string {
  const known = /field ((?:\w+\.)+[A-Z]\w*)\.(\w+)/.exec(message);
  const unknown = /message ([\w.]+) from JSON: key "(\w+)"/.exec(message);
  const [, typeName, named = ""] = known ?? unknown ?? [];
  const name = named.length > KEY_CHARACTERS_MAX ? undefined : named;
  const [, enumName] = /enum ([\w.]+) from JSON/.exec(message) ?? [];
  const nameIn = (type: DescMessage): string | undefined =>
    type.typeName === typeName
      ? name
      : type.fields.find((field) => field.enum !== undefined && field.enum.typeName === enumName)?.name;
  return pathTo(input, nameIn, new Set()) ?? "request";
}

/** The path to the first message, seen from the request, in which `nameIn` finds the field. */
function pathTo(
  from: DescMessage,
  nameIn: (type: DescMessage) => string | undefined,
  seen: Set<DescMessage>,
): string | undefined {
  const name = nameIn(from);
  if (name !== undefined) return name;
  seen.add(from);
  for (const step of from.fields) {
    if (step.message === undefined || seen.has(step.message)) continue;
    const rest = pathTo(step.message, nameIn, seen);
    if (rest !== undefined) return `${step.name}.${rest}`;
  }
  return undefined;
}
