import { type DescMethod, type JsonValue, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import type { Random } from "../../support/run.ts";
import { changeJson, changeProtobuf } from "../bytes.ts";
import { type Making, makeMessage } from "../messages.ts";
import type { World } from "../world.ts";

/** The bytes of a request, in binary or JSON. */
export interface Encoded {
  what: string;
  bytes: Buffer;
  /** The message itself, unless its bytes were changed after encoding. */
  isWhole: boolean;
}

export type Strangeness = "valid" | "odd values" | "changed bytes";

const ODD_ONE_IN = 6;

/** Makes a request of a method, with the given share of hostile values. */
export function encode(
  { random, world }: { random: Random; world: World },
  method: DescMethod,
  encoding: "protobuf" | "json",
  strangeness: Strangeness,
): Encoded {
  const making: Making = { random, world, oddOneIn: strangeness === "odd values" ? ODD_ONE_IN : 0 };
  const bytes = encoding === "json" ? jsonBytes(making, method) : protobufBytes(making, method);
  if (strangeness !== "changed bytes") return { what: strangeness, bytes, isWhole: true };
  const change = encoding === "json" ? changeJson : changeProtobuf;
  return { what: strangeness, bytes: change(bytes, random), isWhole: false };
}

// Some hostile values cannot be encoded, such as a timestamp of the year 1,000,000 in JSON: another message is made
// then.
const ATTEMPTS_MAX = 20;

function attempt(making: Making, method: DescMethod, encodeIt: (message: Message) => Buffer): Buffer {
  for (let left = ATTEMPTS_MAX; left > 0; left--) {
    try {
      return encodeIt(makeMessage(making, method.input));
    } catch (error) {
      if (left === 1) throw error;
    }
  }
  throw new Error("the loop returns or throws");
}

const protobufBytes = (making: Making, method: DescMethod): Buffer =>
  attempt(making, method, (message) => Buffer.from(toBinary(method.input, message)));

const jsonBytes = (making: Making, method: DescMethod): Buffer =>
  attempt(making, method, (message) => {
    const useProtoNames = making.random.below(2) === 0;
    const json = toJson(method.input, message, { useProtoFieldName: useProtoNames });
    return Buffer.from(stringify(making, json));
  });

// Replaces a value by one that JSON can express and protobuf cannot.
const ODD_VALUES: readonly JsonValue[] = [
  null,
  true,
  [],
  {},
  "",
  "\uD800",
  -0,
  1.5,
  1e21,
  "1e5",
  "0x1",
  [null],
  { a: 1 },
  -1,
];

function stringify({ random, oddOneIn }: Making, json: JsonValue): string {
  return JSON.stringify(json, (key, value: unknown) => {
    const isLeaf = key !== "" && (typeof value !== "object" || value === null);
    return oddOneIn > 0 && isLeaf && random.below(oddOneIn * 5) === 0 ? random.pick(ODD_VALUES) : value;
  });
}
