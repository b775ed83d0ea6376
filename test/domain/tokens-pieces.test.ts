import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import cl100k from "js-tiktoken/ranks/cl100k_base";
import o200k from "js-tiktoken/ranks/o200k_base";
import { BUSY, PieceCutter } from "../../src/domain/tokens/pieces.ts";
import type { Encoding } from "../../src/domain/tokens/ranks.ts";

/** The pieces of a text, and how often the cutter paused. */
function cut(encoding: Encoding, text: string): { pieces: string[]; pauses: number } {
  const bytes = Buffer.from(text, "utf8");
  const cutter = new PieceCutter(bytes, encoding);
  const pieces: string[] = [];
  let pauses = 0;
  for (let start = 0; start < bytes.length; ) {
    const end = cutter.end(start);
    if (end === BUSY) {
      pauses++;
      continue;
    }
    assert.ok(end > start && end <= bytes.length);
    pieces.push(bytes.toString("utf8", start, end));
    start = end;
  }
  return { pieces, pauses };
}

const PATTERNS = { o200k_base: o200k.pat_str, cl100k_base: cl100k.pat_str };

/** At least one character of every class that the patterns distinguish, in each length of UTF-8, and near misses. */
const UNITS =
  "a A z é É ß ǅ ʰ 中 \u0301 \u20e3 1 ٣ ² Ⅻ / . _ - ' \u200d 👍 𝐀 𝐚 𒀀 ſ K \u0000 's 'S 't 'T 're 'rE 'Re 'RE 've 'VE 'm 'M 'll 'lL 'LL 'd 'D 'x 'r 'ſ"
    .split(" ")
    .concat(" ", "\n", "\r", "\t", "\v", "\u00a0", "\u2028", "\u3000", "\ufeff", "\u0085", "\ud800");
const anyText = fc.array(fc.constantFrom(...UNITS), { maxLength: 14 }).map((units) => units.join(""));
const anyUnicode = fc.string({ unit: "binary", maxLength: 40 });
/** Runs that are longer than the block that the cutter reads at a time. */
const anyRuns = fc
  .array(fc.tuple(fc.constantFrom(...UNITS), fc.constantFrom(1, 2, 8191, 8192, 8193, 20_000)), {
    maxLength: 4,
  })
  .map((runs) => runs.map(([unit, times]) => unit.repeat(times)).join(""));

for (const encoding of ["o200k_base", "cl100k_base"] satisfies Encoding[]) {
  describe(`${encoding} cuts texts as its regular expression does`, () => {
    const pattern = new RegExp(PATTERNS[encoding], "gu");
    for (const [kind, texts, numRuns] of [
      ["characters of every class", anyText, 5000],
      ["any Unicode", anyUnicode, 1000],
      ["long runs", anyRuns, 60],
    ] as const) {
      test(kind, () => {
        fc.assert(
          fc.property(texts, (text) => {
            const expected = text.toWellFormed().match(pattern) ?? [];
            assert.deepEqual(cut(encoding, text).pieces, [...expected]);
          }),
          { numRuns },
        );
      });
    }

    test("with every character alone, before a letter, and after one", () => {
      const texts: string[] = [];
      for (let codePoint = 0; codePoint < 0x110000; codePoint += codePoint < 0x3000 ? 1 : 61) {
        const character = String.fromCodePoint(codePoint).toWellFormed();
        texts.push(`${character}a${character}${character} ${character}\n`);
      }
      for (const text of texts) assert.deepEqual(cut(encoding, text).pieces, text.match(pattern));
    });
  });
}

test("cutting pauses inside of a piece, and in proportion to its length", () => {
  for (const unit of ["a", "A", " ", "\n", ".", "中", "\u0301", "é"]) {
    const pausesOf = (bytes: number): number =>
      cut("o200k_base", `中${unit.repeat(bytes / Buffer.byteLength(unit))}`).pauses;
    const [once, twice] = [pausesOf(600_000), pausesOf(1_200_000)];
    assert.ok(once >= 60, `${JSON.stringify(unit)}: ${once}`);
    assert.ok(twice <= 2 * once + 2, `${JSON.stringify(unit)}: ${once}, then ${twice}`);
  }
});
