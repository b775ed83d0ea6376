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

test("the numbers are all fields but the service tier", () => {
  const fields: Required<Omit<Usage, "serviceTier">> = {
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheReadAudioTokens: 0,
    cacheReadImageTokens: 0,
    cacheWriteTokens: 0,
    cacheWrite1hTokens: 0,
    reasoningTokens: 0,
    inputAudioTokens: 0,
    outputAudioTokens: 0,
    inputImageTokens: 0,
    outputImageTokens: 0,
    inputCharacters: 0,
    outputCharacters: 0,
    inputSeconds: 0,
    outputSeconds: 0,
    images: 0,
    pixels: 0,
    pages: 0,
    searchQueries: 0,
    requests: 0,
  };
  assert.deepEqual(USAGE_NUMBERS.toSorted(), Object.keys(fields).toSorted());
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

test("an error says which parts exceed their total, and what was given", () => {
  const described = (usage: Usage): string | undefined => {
    const error = checkUsage(usage, "usage");
    return error?.reason === "INVALID_FIELD" ? error.description : undefined;
  };
  assert.equal(
    described({ inputTokens: 10, cacheReadTokens: 6, cacheWriteTokens: 0, inputAudioTokens: 5 }),
    "is 10, less than its parts: cache_read_tokens + input_audio_tokens = 11",
  );
  assert.equal(described({ reasoningTokens: 1 }), "is 0, less than its parts: reasoning_tokens = 1");
  assert.equal(described({ pages: -1 }), "must be an integer from 0 to 2^53-1, and is -1");
  assert.equal(described({ inputSeconds: -0.5 }), "must be a number from 0 to 2^53-1, and is -0.5");
  assert.equal(
    described({ serviceTier: "turbo" as "flex" }),
    "must be one of standard, flex, priority, batch",
  );
  assert.equal(described({ outputSeconds: Number.MAX_SAFE_INTEGER }), undefined);
});

test("the parts of a total fit exactly, and not with one more of any of them", () => {
  const parts: Usage = {
    cacheReadTokens: 1,
    cacheWriteTokens: 2,
    cacheWrite1hTokens: 3,
    inputAudioTokens: 4,
    inputImageTokens: 5,
  };
  assert.equal(fieldOf({ inputTokens: 15, ...parts }), undefined);
  for (const [part, count] of Object.entries(parts)) {
    assert.equal(
      fieldOf({ inputTokens: 15, ...parts, [part]: Number(count) + 1 }),
      "usage.input_tokens",
      part,
    );
  }
  const output: Usage = { reasoningTokens: 1, outputAudioTokens: 2, outputImageTokens: 3 };
  assert.equal(fieldOf({ outputTokens: 6, ...output }), undefined);
  for (const [part, count] of Object.entries(output)) {
    assert.equal(
      fieldOf({ outputTokens: 6, ...output, [part]: Number(count) + 1 }),
      "usage.output_tokens",
      part,
    );
  }
  const cached: Usage = {
    inputTokens: 9,
    cacheReadTokens: 3,
    cacheReadAudioTokens: 1,
    cacheReadImageTokens: 2,
  };
  assert.equal(fieldOf(cached), undefined);
  assert.equal(fieldOf({ ...cached, cacheReadImageTokens: 3 }), "usage.cache_read_tokens");
});

test("the service tier is one of four", () => {
  assert.equal(fieldOf({ serviceTier: "turbo" as "flex" }), "usage.service_tier");
});
