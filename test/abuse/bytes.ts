import type { Random } from "../support/run.ts";

/**
 * Changes to the bytes of a message, or to the text of its JSON: what a broken client or a damaged connection would
 * send.
 */

type Change = (bytes: Buffer, random: Random) => Buffer;

const at = (bytes: Buffer, random: Random): number => random.below(bytes.length + 1);

const insert = (bytes: Buffer, position: number, inserted: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, position), inserted, bytes.subarray(position)]);

const repeated = (byte: number, count: number): Buffer => Buffer.alloc(count, byte);

const flip: Change = (bytes, random) => {
  const changed = Buffer.from(bytes);
  for (let flips = random.below(4); flips >= 0 && changed.length > 0; flips--) {
    const position = random.below(changed.length);
    changed[position] = (changed[position] ?? 0) ^ (1 << random.below(8));
  }
  return changed;
};

const cut: Change = (bytes, random) => bytes.subarray(0, at(bytes, random));

const duplicate: Change = (bytes, random) => {
  const start = at(bytes, random);
  return insert(bytes, start, bytes.subarray(start, start + random.below(100)));
};

const insertRandom: Change = (bytes, random) =>
  insert(
    bytes,
    at(bytes, random),
    Buffer.from(Array.from({ length: 1 + random.below(20) }, () => random.below(256))),
  );

const GROUP_START = 0x0b;
const LENGTH_DELIMITED_5 = 0x2a;

const ofProtobuf: readonly Change[] = [
  flip,
  flip,
  cut,
  duplicate,
  insertRandom,
  // A varint without an end, a length beyond the end, nested groups, and fields of number 0 and of unknown types.
  (bytes, random) => insert(bytes, at(bytes, random), repeated(0xff, 1 + random.below(20))),
  (bytes) => insert(bytes, bytes.length, Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])),
  (bytes) => insert(bytes, bytes.length, repeated(GROUP_START, 10_000)),
  (bytes) => insert(bytes, bytes.length, repeated(0x00, 10)),
  (bytes) => insert(bytes, 0, Buffer.from([0x07])),
  (bytes, random) => Buffer.concat(Array.from({ length: 1 + random.below(50) }, () => bytes)),
  () => nestedStructs(2000),
  () => Buffer.alloc(0),
];

/** A deeply nested message in field 5, which is UpdateCost's completion. */
function nestedStructs(levels: number): Buffer {
  let bytes = Buffer.alloc(0);
  for (let level = 0; level < levels; level++) {
    bytes = Buffer.concat([Buffer.from([LENGTH_DELIMITED_5]), varint(bytes.length), bytes]);
  }
  return bytes;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

export const changeProtobuf: Change = (bytes, random) => random.pick(ofProtobuf)(bytes, random);

const replaceText =
  (pattern: RegExp, ...replacements: readonly string[]): Change =>
  (bytes, random) =>
    Buffer.from(bytes.toString().replace(pattern, () => random.pick(replacements)));

const emoji = Buffer.from("😀");

/** Cuts after the first bytes of a character, or right after a backslash. */
const cutInside: Change = (bytes, random) => {
  const text = insert(bytes, Math.max(0, bytes.lastIndexOf('"')), random.pick([emoji, Buffer.from("\\u12")]));
  const position = text.includes(emoji) ? text.indexOf(emoji) + 1 + random.below(3) : text.indexOf("\\u") + 2;
  return text.subarray(0, position);
};

const DIGITS = "9".repeat(10_000);
const NUMBERS = [
  "1e400",
  "-1e400",
  "NaN",
  "-0",
  "Infinity",
  "0x10",
  "01",
  "1.",
  ".5",
  "1e",
  DIGITS,
  `0.${DIGITS}`,
];

const ofJson: readonly Change[] = [
  flip,
  cut,
  duplicate,
  insertRandom,
  cutInside,
  cutInside,
  replaceText(/:("[^"]*"|\d+)/, ...NUMBERS.map((number) => `:${number}`)),
  replaceText(
    /:("[^"]*"|\d+)/,
    ":null",
    ":true",
    ":[]",
    ":{}",
    ':""',
    ':[[""]]',
    ':"1e400"',
    ':"-1"',
    `:"${DIGITS}"`,
  ),
  replaceText(
    /"([^"]*)"(?=[,}])/,
    '"\\ud800"',
    '"\\udc00a"',
    '"\\u0000"',
    '"\\ufeffa"',
    '"\\x"',
    '"\\u{1}"',
    '"\t"',
  ),
  replaceText(
    /\{("[^"]*":)/,
    '{"__proto__":{"a":1},"a":',
    '{"constructor":null,"a":',
    '{"unknown":',
    "{/**/",
    "{//\n",
  ),
  // Repeats a key, and repeats the whole object.
  (bytes) => Buffer.from(bytes.toString().replace(/\{("[^"]*":("[^"]*"|\d+))/, "{$1,$1")),
  (bytes) => Buffer.concat([bytes, bytes]),
  (bytes) => Buffer.from(bytes.toString().replace(/\}$/, ",}")),
  // A byte order mark, other encodings of Unicode, and bytes that are not UTF-8, among them an overlong NUL and a
  // surrogate.
  (bytes) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]),
  (bytes) => Buffer.from(bytes.toString(), "utf16le"),
  (bytes) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(bytes.toString(), "utf16le")]),
  (bytes, random) =>
    insert(
      bytes,
      bytes.indexOf('"') + 1,
      Buffer.from(random.pick([[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x80]])),
    ),
  (bytes, random) => insert(bytes, at(bytes, random), Buffer.from([0])),
  () => Buffer.from("[".repeat(100_000)),
  () => Buffer.from('{"completion":'.padEnd(14) + '{"a":'.repeat(10_000) + "1" + "}".repeat(10_001)),
  (bytes) => Buffer.concat([Buffer.from(" ".repeat(1_000_000)), bytes]),
  () => Buffer.alloc(0),
  (_, random) =>
    Buffer.from(random.pick(["null", "[]", '""', "0", "true", "{}", "undefined", "<xml/>", "\u2028"])),
];

export const changeJson: Change = (bytes, random) => random.pick(ofJson)(bytes, random);
