import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import { Tiktoken } from "js-tiktoken/lite";
import cl100k from "js-tiktoken/ranks/cl100k_base";
import o200k from "js-tiktoken/ranks/o200k_base";
import { countText, type Encoding } from "../../src/domain/tokens.ts";

const SOURCES = { o200k_base: o200k, cl100k_base: cl100k };

/** Any code unit, including half surrogate pairs. Most of them merge into one piece with their neighbours. */
const anyUnits = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd800, max: 0xdfff })), {
    maxLength: 60,
  })
  .map((units) => String.fromCharCode(...units));
const anyUnicode = fc.string({ unit: "binary", maxLength: 60 });
const anyGraphemes = fc.string({ unit: "grapheme", maxLength: 60 });
const anyEmoji = fc
  .array(fc.constantFrom("👍🏽", "👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "☕️", "🇯🇵", "😀", "\u200d", "\ufe0f", " "), {
    maxLength: 25,
  })
  .map((parts) => parts.join(""));
const anyBase64 = fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes).toString("base64"));
const anyWords = fc
  .array(
    fc.constantFrom(
      "the ",
      "Straße",
      "naïve ",
      "don't",
      "I'LL ",
      "数据",
      "हिन्दी",
      "العربية",
      "١٢٣",
      "Ⅻ",
      "ǅ",
      "\u0301",
      "_",
      "1234567",
      " \t",
    ),
    { maxLength: 25 },
  )
  .map((parts) => parts.join(""));
const anyCode = fc
  .array(
    fc.constantFrom(
      "\n",
      "\r\n",
      "    ",
      "\t",
      "if (",
      ") {",
      "}",
      "=> ",
      "//",
      "/* x */",
      "===",
      "0x1F",
      "camelCaseName",
      "snake_case",
      '"\\n"',
      ";",
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(""));
/** Single endless pieces, kept short because js-tiktoken takes quadratic time for them. */
const anyRuns = fc
  .array(
    fc.tuple(
      fc.constantFrom(
        "a",
        "A",
        "ab",
        " ",
        "\n",
        " \n",
        ".",
        "=",
        "-",
        "中",
        "é",
        "👍",
        "\u0000",
        "\ud800",
        "oot",
        "mit",
        "ing",
        " the",
      ),
      fc.nat(120),
    ),
    { maxLength: 4 },
  )
  .map((runs) => runs.map(([unit, times]) => unit.repeat(times)).join(""));
const anyLetters = fc
  .array(fc.integer({ min: 97, max: 122 }), { maxLength: 200 })
  .map((codes) => String.fromCharCode(...codes));
const anySpecial = fc
  .array(fc.constantFrom("<|endoftext|>", "<|endofprompt|>", "<|fim_prefix|>", "<|", "|>", "text"), {
    maxLength: 6,
  })
  .map((parts) => parts.join(""));

const TEXTS: [kind: string, texts: fc.Arbitrary<string>][] = [
  ["any code units, lone surrogates too", anyUnits],
  ["any Unicode", anyUnicode],
  ["graphemes", anyGraphemes],
  ["emoji", anyEmoji],
  ["base64", anyBase64],
  ["words of many scripts", anyWords],
  ["code", anyCode],
  ["long runs", anyRuns],
  ["letters at random", anyLetters],
  ["what looks like special tokens", anySpecial],
];

for (const encoding of ["o200k_base", "cl100k_base"] satisfies Encoding[]) {
  describe(`${encoding} has the counts of js-tiktoken`, () => {
    let theirs: Tiktoken;
    before(() => {
      theirs = new Tiktoken(SOURCES[encoding]);
    });
    for (const [kind, texts] of TEXTS) {
      test(kind, () => {
        fc.assert(
          fc.property(texts, (text) => {
            assert.equal(countText(encoding, text), theirs.encode(text, [], []).length);
          }),
          { numRuns: 200 },
        );
      });
    }
  });
}
