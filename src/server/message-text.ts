import {
  type DescField,
  type DescMessage,
  isFieldSet,
  type Message,
  type UnknownField,
} from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { canonicalText, type Printable } from "../domain/fingerprint.ts";

type Print = (value: unknown) => string;

/**
 * Makes the function that gives a canonical text of a protobuf message. Two messages have the same text only if they say the
 * same in the fields that count.
 *
 * - A field that is not set is left out, so a field that the proto gets later does not change the text of older requests.
 *   Where the proto has presence (`optional`, a oneof, a message), a field that is set to its default value is set.
 * - The order of fields on the wire does not matter. The order of a list's elements does.
 * - The content of a google.protobuf.Struct is JSON, and counts as it is.
 * - A field that the proto of this server does not have counts with its bytes.
 *
 * @param counts Whether a field counts.
 */
export function messageText(
  counts: (field: DescField) => boolean,
): (desc: DescMessage, message: Message) => string {
  // Reading a descriptor takes longer than printing a message, so it is read once.
  const known = new WeakMap<DescMessage, readonly Part[]>();
  const textOf = (desc: DescMessage, message: Message): string => {
    let parts = known.get(desc);
    if (parts === undefined) {
      parts = partsOf(desc, counts, textOf);
      known.set(desc, parts);
    }
    let text = "{";
    for (const { field, label, holder, key, print } of parts) {
      if (isFieldSet(message, field)) text += `${label}${print(valueOf(message, holder, key))},`;
    }
    const { $unknown: unknown } = message;
    return unknown === undefined || unknown.length === 0 ? `${text}}` : `${text}${unknownText(unknown)}}`;
  };
  return (desc, message) => desc.typeName + textOf(desc, message);
}

/** A field, and what is known of it before any message is. */
interface Part {
  field: DescField;
  label: string;
  /** The property that has the value; in a oneof, the property of the oneof. */
  holder: string;
  /** Within the oneof. Undefined: the field is in none. */
  key: "value" | undefined;
  print: Print;
}

type TextOf = (desc: DescMessage, message: Message) => string;

const partsOf = (desc: DescMessage, counts: (field: DescField) => boolean, textOf: TextOf): Part[] =>
  desc.fields
    .filter(counts)
    .toSorted((a, b) => a.number - b.number)
    .map((field) => ({
      field,
      label: `${field.name}:`,
      holder: field.oneof?.localName ?? field.localName,
      key: field.oneof && "value",
      print: printOf(field, textOf),
    }));

function printOf(field: DescField, textOf: TextOf): Print {
  const print = printOfOne(field, textOf);
  switch (field.fieldKind) {
    case "list":
      return (values) => `[${(values as unknown[]).map(print).join(",")}]`;
    case "map":
      return (values) => {
        const members = Object.entries(values as Record<string, unknown>);
        members.sort(([a], [b]) => (a < b ? -1 : 1));
        return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${print(value)}`).join(",")}}`;
      };
    case "message":
    case "scalar":
    case "enum":
      return print;
    default: {
      const unreachable: never = field;
      return unreachable;
    }
  }
}

/** Prints a value of a field, or an element of a list or map. */
function printOfOne(field: DescField, textOf: TextOf): Print {
  const { message: desc } = field;
  if (desc === undefined) return scalarText;
  // These are no message objects where protobuf-es has them in a field: a Struct is JSON, a wrapper is its value.
  const isJson =
    desc.typeName === "google.protobuf.Struct" && field.parent.typeName !== "google.protobuf.Value";
  if (isJson) return (value) => canonicalText(value as Printable);
  if (field.fieldKind === "message" && field.oneof === undefined && isWrapperDesc(desc)) return scalarText;
  return (value) => textOf(desc, value as Message);
}

const scalarText = (value: unknown): string =>
  value instanceof Uint8Array ? `"${value.toBase64()}"` : canonicalText(value as Printable);

function valueOf(message: Message, holder: string, key: "value" | undefined): unknown {
  const held = (message as unknown as Record<string, unknown>)[holder];
  return key === undefined ? held : (held as { value: unknown }).value;
}

/** No field's name begins with a question mark. */
const unknownText = (fields: readonly UnknownField[]): string =>
  fields
    .toSorted((a, b) => a.no - b.no)
    .map(({ no, wireType, data }) => `?${no}:${wireType}"${data.toBase64()}",`)
    .join("");
