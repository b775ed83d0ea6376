import assert from "node:assert/strict";
import { test } from "node:test";
import { countText, encodingFor } from "../../src/domain/tokens.ts";

// The counts are those of OpenAI's tiktoken. test/property/tokens.test.ts compares many more with js-tiktoken.
test("plain text has known counts", () => {
  assert.equal(countText("o200k_base", ""), 0);
  assert.equal(countText("o200k_base", "hello world"), 2);
  assert.equal(countText("o200k_base", "it is a sunny day in san francisco"), 9);
  assert.equal(countText("cl100k_base", "tiktoken is great!"), 6);
});

test("text that looks like a special token counts as text", () => {
  // "<", "|", "end", "of", "text", "|", ">"; and with cl100k_base "endo", "ft", "ext" in the middle.
  for (const encoding of ["o200k_base", "cl100k_base"] as const) {
    assert.equal(countText(encoding, "<|endoftext|>"), 7);
  }
});

test("half a surrogate pair counts as the replacement character", () => {
  for (const encoding of ["o200k_base", "cl100k_base"] as const) {
    assert.equal(countText(encoding, "a\ud83d b"), 3);
    assert.equal(countText(encoding, "a\ufffd b"), 3);
  }
});

// js-tiktoken would take hours for these. Eight "a" are one token, as are 64 "=".
test("a megabyte without a space is counted", () => {
  assert.equal(countText("o200k_base", "a".repeat(1_000_000)), 125_000);
  assert.equal(countText("cl100k_base", "a".repeat(1_000_000)), 125_000);
  assert.equal(countText("o200k_base", "=".repeat(1_000_000)), 15_625);
});

test("a count does not depend on earlier counts", () => {
  const texts = ["zyxwvut".repeat(50), "中文字符".repeat(40), "a".repeat(600_000), "qqq"];
  const first = texts.map((text) => countText("o200k_base", text));
  assert.deepEqual(first, [200, 80, 75_000, 2]);
  const again = texts.toReversed().map((text) => countText("o200k_base", text));
  assert.deepEqual(again.toReversed(), first);
});

const ENCODINGS: [model: string, encoding: string][] = [
  ["gpt-4o", "o200k_base"],
  ["gpt-4o-mini-2024-07-18", "o200k_base"],
  ["openai/gpt-4.1-nano", "o200k_base"],
  ["azure/eu/gpt-5-mini", "o200k_base"],
  ["gpt-5.4", "o200k_base"],
  ["o1", "o200k_base"],
  ["o3-mini", "o200k_base"],
  ["o4-mini-2025-04-16", "o200k_base"],
  ["chatgpt-4o-latest", "o200k_base"],
  ["ft:gpt-4o-mini:acme::9xyz", "o200k_base"],
  ["groq/openai/gpt-oss-120b", "o200k_base"],
  ["openai.gpt-oss-120b-1:0", "o200k_base"],
  ["gpt-4", "cl100k_base"],
  ["gpt-4-turbo", "cl100k_base"],
  ["gpt-4-32k", "cl100k_base"],
  ["gpt-3.5-turbo", "cl100k_base"],
  ["text-embedding-3-small", "cl100k_base"],
  ["claude-sonnet-4-5", "cl100k_base"],
  ["gemini-2.5-pro", "cl100k_base"],
  ["olmo-2", "cl100k_base"],
];

for (const [model, encoding] of ENCODINGS) {
  test(`${model} is counted by ${encoding}`, () => assert.equal(encodingFor(model), encoding));
}
