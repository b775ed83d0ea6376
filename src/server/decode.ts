import { isUtf8 } from "node:buffer";
import { type DescMessage, fromBinary, fromJsonString, type JsonReadOptions } from "@bufbuild/protobuf";
import { invalidField } from "../domain/errors.ts";
import { DETAIL_TYPES } from "./status.ts";

/** The JSON options of Connect's handlers and of `decode`. */
export const JSON_OPTIONS = {
  // Connect ignores unknown fields by default. A misspelt total would then become a total of 0, and a misspelt duration
  // no duration.
  ignoreUnknownFields: false,
  registry: DETAIL_TYPES,
} as const satisfies Partial<JsonReadOptions>;

/**
 * Refuses invalid UTF-8. Decoders would replace it with U+FFFD, so two different names could become equal.
 *
 * @throws INVALID_FIELD
 */
export function checkUtf8(bytes: Uint8Array): void {
  if (!isUtf8(bytes)) throw invalidField("request", "must be valid UTF-8");
}

/** Decodes a request of any transport. @throws INVALID_FIELD with the path of the field if it is known */
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

/** The longest unknown key that is reported as the path of a field. */
const KEY_CHARACTERS_MAX = 100;

/**
 * Finds the path of the field in an error of protobuf-es. The error names a field by its message type, as in
 * `budget.v1.Period.count`, or names the message of an unknown key or the enum of an unknown value. Callers know fields
 * by their path.
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

/** The path, from the request, of the first field for which `nameIn` returns a name. */
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
