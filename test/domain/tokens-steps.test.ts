import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sortSteps } from "../../src/domain/tokens/sort.ts";
import { countText, countTextsSteps } from "../../src/domain/tokens.ts";

function finish(steps: Generator<void, number, void>): { tokens: number; steps: number } {
  for (let count = 1; ; count++) {
    const step = steps.next();
    if (step.done === true) return { tokens: step.value, steps: count };
  }
}

/**
 * Texts on which tokenizers are slow: a single piece, many candidates of one rank, ranks that rise and fall, repeated
 * pieces.
 */
const ADVERSARIAL: Readonly<Record<string, string>> = {
  "one letter": "a",
  "one capital": "A",
  "capitals behind a letter without case": "中AAAAAAAA",
  pairs: "ab",
  "three letters": "oot",
  "words without spaces": "themitinghello",
  spaces: " ",
  "spaces and line ends": "\n ",
  zeros: "\u0000",
  symbols: "=",
  marks: "e\u0301",
  emoji: "👩‍👩‍👧‍👦",
  ideographs: "中文",
  apostrophes: "'s'S",
  numbers: "123",
};

for (const [kind, unit] of Object.entries(ADVERSARIAL)) {
  test(`counting takes steps in proportion to the text: ${kind}`, () => {
    const stepsOf = (bytes: number): number =>
      finish(countTextsSteps("o200k_base", [unit.repeat(bytes / Buffer.byteLength(unit))])).steps;
    const [once, fourTimes] = [stepsOf(100_000), stepsOf(400_000)];
    assert.ok(once >= 20, `${once} steps for 100 KB`);
    assert.ok(fourTimes <= 5 * once, `${once} steps for 100 KB, ${fourTimes} for 400 KB`);
  });
}

test("texts counted in turns, one step each, have the same counts as alone", () => {
  const texts = ["zyxwvut".repeat(3000), "a".repeat(50_000), "中文字符".repeat(4000), "hello world", ""];
  const jobs = texts.map((text) => countTextsSteps("o200k_base", [text]));
  const tokens = texts.map(() => -1);
  while (tokens.includes(-1)) {
    for (const [index, job] of jobs.entries()) {
      const step = job.next();
      if (step.done === true && step.value !== undefined) tokens[index] = step.value;
    }
  }
  assert.deepEqual(
    tokens,
    texts.map((text) => countText("o200k_base", text)),
  );
});

test("an abandoned count leaves no state for the next one", () => {
  const expected = countText("cl100k_base", "ba".repeat(20_000));
  for (const steps of [1, 5, 10, 20]) {
    const job = countTextsSteps("cl100k_base", ["ab".repeat(30_000)]);
    for (let step = 0; step < steps; step++) job.next();
    job.return(0);
    assert.equal(countText("cl100k_base", "ba".repeat(20_000)), expected);
  }
});

test("many small texts take many steps, and each is counted separately", () => {
  const texts = Array.from({ length: 10_000 }, (_, index) => (index % 2 === 0 ? "hello" : ""));
  const { tokens, steps } = finish(countTextsSteps("o200k_base", texts));
  assert.equal(tokens, 5000);
  assert.ok(steps > 100);
});

test("sorting in steps sorts", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(5000), fc.nat()), { maxLength: 300 }), (numbers) => {
      const values = Int32Array.from(numbers);
      for (const _ of sortSteps(values));
      assert.deepEqual(values, Int32Array.from(numbers).toSorted());
    }),
  );
  const many = Int32Array.from({ length: 100_000 }, (_, index) => (index * 7919) % 100_003);
  const steps = [...sortSteps(many)].length;
  assert.ok(steps >= 50);
  assert.ok(many.every((value, index) => index === 0 || many[index - 1]! < value));
});
