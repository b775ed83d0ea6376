/**
 * The classes of characters that the patterns of OpenAI's vocabularies tell apart, one bit each.
 */
export const UPPER = 1;
export const LOWER = 2;
/** Letters without case, which go with the upper and with the lower case. */
export const CASELESS = 4;
export const MARK = 8;
export const NUMBER = 16;
export const NEWLINE = 32;
/** Every white space but a newline. */
export const SPACE = 64;
export const SLASH = 128;
export const OTHER = 256;

const CLASSES: readonly [RegExp, number][] = [
  [/\p{Ll}/u, LOWER],
  [/[\p{Lu}\p{Lt}]/u, UPPER],
  [/[\p{Lm}\p{Lo}]/u, CASELESS],
  [/\p{M}/u, MARK],
  [/\p{N}/u, NUMBER],
  [/[\r\n]/u, NEWLINE],
  [/\s/u, SPACE],
  [/\//u, SLASH],
];

const UNKNOWN = 0;
const known = new Uint16Array(0x110000);

/** The class of a character. It is found when the character is met first, since no text has more than a few of them. */
export function classOf(codePoint: number): number {
  const found = known[codePoint]!;
  return found === UNKNOWN ? classify(codePoint) : found;
}

function classify(codePoint: number): number {
  const character = String.fromCodePoint(codePoint);
  const [, found] = CLASSES.find(([pattern]) => pattern.test(character)) ?? [undefined, OTHER];
  known[codePoint] = found;
  return found;
}
