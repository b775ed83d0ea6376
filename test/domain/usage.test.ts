import assert from "node:assert/strict";
import { test } from "node:test";
import { checkUsage, snakeCase, USAGE_NUMBERS, type Usage } from "../../src/domain/usage.ts";

const fieldOf = (usage: Usage): string | undefined => {
  const error = checkUsage(usage, "usage");
  return error?.reason === "INVALID_FIELD" ? error.field : undefined;
};

test("a usage is accepted if its parts fit into their totals", () => {
  const usage: Usage = {
    inputTokens: 100,
    cacheReadTokens: 40,
    cacheReadAudioTokens: 10,
    cacheReadImageTokens: 30,
    cacheWriteTokens: 20,
    cacheWrite1hTokens: 10,
    inputAudioTokens: 20,
    inputImageTokens: 10,
    outputTokens: 50,
    reasoningTokens: 20,
    outputAudioTokens: 20,
    outputImageTokens: 10,
    inputSeconds: 0.25,
    serviceTier: "batch",
  };
  assert.equal(checkUsage(usage, "usage"), undefined);
  assert.equal(checkUsage({}, "usage"), undefined);
  assert.equal(checkUsage({ inputTokens: Number.MAX_SAFE_INTEGER }, "usage"), undefined);
});

test("every number is checked, and the error has the field's name in the proto", () => {
  for (const field of USAGE_NUMBERS) {
    for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 54]) {
      assert.equal(fieldOf({ [field]: bad }), `usage.${snakeCase(field)}`, `${field} = ${bad}`);
    }
  }
  assert.equal(snakeCase("cacheWrite1hTokens"), "cache_write_1h_tokens");
});

test("counts are integers; seconds may be fractions", () => {
  assert.equal(fieldOf({ inputTokens: 0.5 }), "usage.input_tokens");
  assert.equal(fieldOf({ inputSeconds: 0.5, outputSeconds: 1.25 }), undefined);
});

test("parts that together exceed their total are refused, naming the total", () => {
  assert.equal(fieldOf({ inputTokens: 10, cacheReadTokens: 6, inputAudioTokens: 5 }), "usage.input_tokens");
  assert.equal(fieldOf({ reasoningTokens: 1 }), "usage.output_tokens");
  assert.equal(
    fieldOf({ inputTokens: 10, cacheReadTokens: 1, cacheReadAudioTokens: 2 }),
    "usage.cache_read_tokens",
  );
});

test("the service tier is one of four", () => {
  assert.equal(fieldOf({ serviceTier: "turbo" as "flex" }), "usage.service_tier");
});
