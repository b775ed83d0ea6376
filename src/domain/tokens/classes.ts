/** The classes of characters that the patterns of OpenAI's vocabularies distinguish, one bit each. */
export const UPPER = 1;
export const LOWER = 2;
/** Letters without case. The patterns treat them as both upper and lower case. */
export const CASELESS = 4;
export const MARK = 8;
export const NUMBER = 16;
export const NEWLINE = 32;
/** All white space except newlines. */
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

/** The class of a character. It is computed when the character first occurs: most characters never do. */
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
