import { create, type DescMethodUnary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";

/** The length of a placeholder in a message. Each call writes its own number in its place. */
const DIGITS = 12;

/** The number for a placeholder: a counter, so that every call has another number, or a random number below `below`. */
export type Placeholder = { from: "count" } | { from: "random"; below: number };

/** Placeholders to use as names in a message: `COUNTED` becomes the counter, `DRAWN` a random number. */
export const COUNTED = "#".repeat(DIGITS);
export const DRAWN = "?".repeat(DIGITS);

/** A call as bytes: a gRPC frame and the positions of its numbers. It is plain data, so it can be sent to a process. */
export interface EncodedCall {
  path: string;
  /** The frame in base64. */
  frame: string;
  patches: (Placeholder & { offset: number })[];
}

/** A name as the load process writes it: `prefix` and a number of 12 digits. */
export const numbered = (prefix: string, number: number): string =>
  `${prefix}${String(number).padStart(DIGITS, "0")}`;

/**
 * Encodes a call once for all its repetitions.
 *
 * @param below The number of names that `DRAWN` may become.
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

/** Returns a function that makes the frame of each call. */
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
