import { create, type DescMethodUnary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";

/** Characters of a `Placeholder` in a message. Each call writes a number of its own there. */
const DIGITS = 12;

/** Where a call's number goes: counted up, so that no two calls have the same, or one of `below` at random. */
export type Placeholder = { from: "count" } | { from: "random"; below: number };

/** What may be put in the place of a name in a message, to be told apart from one call to the next. */
export const COUNTED = "#".repeat(DIGITS);
export const DRAWN = "?".repeat(DIGITS);

/** A call as bytes: a gRPC frame, and where in it a number is to be written. Plain data, for another process. */
export interface EncodedCall {
  path: string;
  /** Base64 of the frame. */
  frame: string;
  patches: (Placeholder & { offset: number })[];
}

/** A name among `below` equals, as the load process writes it: `prefix` and a number of 12 digits. */
export const numbered = (prefix: string, number: number): string =>
  `${prefix}${String(number).padStart(DIGITS, "0")}`;

/**
 * Encodes a call once for all of its repetitions.
 *
 * @param below How many names `DRAWN` stands for.
 */
export function encodeCall<Method extends DescMethodUnary>(
  method: Method,
  request: MessageInitShape<Method["input"]>,
  below = 1,
): EncodedCall {
  const message = toBinary(method.input, create(method.input, request));
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  const patches = [
    ...offsetsOf(frame, COUNTED).map((offset) => ({ from: "count" as const, offset })),
    ...offsetsOf(frame, DRAWN).map((offset) => ({ from: "random" as const, below, offset })),
  ];
  return { path: `/${method.parent.typeName}/${method.name}`, frame: frame.toString("base64"), patches };
}

function offsetsOf(frame: Buffer, mark: string): number[] {
  const offsets: number[] = [];
  for (let at = frame.indexOf(mark); at >= 0; at = frame.indexOf(mark, at + DIGITS)) offsets.push(at);
  return offsets;
}

/** Gives the frame of each next call. */
export function frameMaker(call: EncodedCall): (count: number) => Buffer {
  const template = Buffer.from(call.frame, "base64");
  if (call.patches.length === 0) return () => template;
  return (count) => {
    const frame = Buffer.from(template);
    for (const patch of call.patches) {
      const number = patch.from === "count" ? count : Math.floor(Math.random() * patch.below);
      frame.write(String(number).padStart(DIGITS, "0"), patch.offset, "latin1");
    }
    return frame;
  };
}
