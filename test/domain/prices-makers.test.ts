import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { genaiLayer } from "../../src/domain/prices/genai.ts";

const WHEN = new Date("2026-06-01T12:00:00Z");
const names = genaiLayer.names();

/** A name of a model with its maker, as people write both. */
const MAKERS: [maker: string, name: string][] = [
  ["openai", "gpt-4o"],
  ["anthropic", "claude-opus-4"],
  ["google", "gemini-2.5-flash"],
  ["mistral", "codestral-2501"],
  ["deepseek", "deepseek-reasoner"],
  ["x-ai", "grok-2-latest"],
  ["cohere", "command-r"],
  ["voyageai", "voyage-3"],
  ["moonshotai", "kimi-k2"],
  ["aws", "anthropic.claude-fable-5"],
];

describe("a bare name of a model", () => {
  for (const [maker, name] of MAKERS) {
    it(`such as ${name} is that of its maker, ${maker}, without an assumption`, () => {
      const found = genaiLayer.find(name, WHEN);
      assert.equal(found?.matchedModel.split("/")[0], maker);
      assert.deepEqual(found?.assumed, []);
      assert.ok(names.includes(name));
      assert.ok(!names.includes(`${maker}/${name}`));
    });
  }

  it("that only a host lists is that of the host, with an assumption", () => {
    const found = genaiLayer.find("gemma2-9b-it", WHEN);
    assert.equal(found?.matchedModel, "groq/gemma2-9b-it");
    assert.deepEqual(found.assumed, ["model: only groq lists gemma2-9b-it"]);
    assert.ok(names.includes("groq/gemma2-9b-it") && !names.includes("gemma2-9b-it"));
  });

  it("that several hosts list has no price", () => {
    assert.equal(genaiLayer.find("meta-llama/llama-3.3-70b-instruct", WHEN), undefined);
  });
});

describe("the built-in list", () => {
  it("knows the context of a model, and of no unknown one", () => {
    assert.equal(genaiLayer.contextTokens?.("gpt-4o"), 128_000);
    assert.equal(genaiLayer.contextTokens?.("nobody's model"), undefined);
  });

  it("names each model once, always in the same list", () => {
    assert.equal(new Set(names).size, names.length);
    assert.equal(genaiLayer.names(), names);
  });
});
