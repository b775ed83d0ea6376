import { setImmediate as nextTurn } from "node:timers/promises";
import { create, type DescField, type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";

/** Large answers are made in slices. Other calls run between two slices. */

/** To convert, or to encode, so many messages keeps the thread for less than a millisecond. */
const SLICE_MESSAGES_MAX = 100;

/** Converts items to messages of one type. */
export async function messagesOf<Item, Schema extends DescMessage>(
  schema: Schema,
  items: readonly Item[],
  convert: (item: Item) => Parameters<typeof create<Schema>>[1],
): Promise<MessageShape<Schema>[]> {
  const messages: MessageShape<Schema>[] = [];
  for (const slice of slicesOf(items)) {
    if (messages.length > 0) await nextTurn();
    for (const item of slice) messages.push(create(schema, convert(item)));
  }
  return messages;
}

/** Encodes a message. A promise if it has a long list of messages, which is encoded in slices. */
export function encode<Schema extends DescMessage>(
  schema: Schema,
  message: MessageShape<Schema>,
): Uint8Array | Promise<Uint8Array> {
  const list = schema.fields.find((field) => listIn(message, field).length > SLICE_MESSAGES_MAX);
  return list === undefined ? toBinary(schema, message) : encodeInSlices(schema, message, list);
}

/** In protobuf, a message may be encoded in parts: the parts' lists are concatenated. */
async function encodeInSlices<Schema extends DescMessage>(
  schema: Schema,
  message: MessageShape<Schema>,
  list: DescField,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (const slice of slicesOf(listIn(message, list))) {
    parts.push(toBinary(schema, { ...create(schema), [list.localName]: slice }));
    await nextTurn();
  }
  parts.push(toBinary(schema, { ...message, [list.localName]: [] }));
  return Buffer.concat(parts);
}

const listIn = (message: object, field: DescField): readonly unknown[] =>
  field.fieldKind === "list" && field.listKind === "message"
    ? ((message as Readonly<Record<string, readonly unknown[]>>)[field.localName] ?? [])
    : [];

function* slicesOf<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let from = 0; from < items.length; from += SLICE_MESSAGES_MAX)
    yield items.slice(from, from + SLICE_MESSAGES_MAX);
}
