import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readCompletion } from "../../src/domain/completion.ts";
import type { Usage } from "../../src/domain/usage.ts";

/** The fields of a usage that are named. */
const parts = (response: unknown, ...fields: (keyof Usage)[]): unknown[] => {
  const { usage } = readCompletion(response);
  return fields.map((field) => usage[field]);
};

const writes = (response: unknown) =>
  parts(response, "inputTokens", "cacheWriteTokens", "cacheWrite1hTokens");

const anthropic = (usage: object) => ({ type: "message", model: "claude", usage });
const bedrock = (usage: object) => ({ usage: { outputTokens: 1, ...usage } });
const openai = (usage: object) => ({ usage: { completion_tokens: 1, ...usage } });
const google = (usage: object, response: object = {}) => ({ ...response, usageMetadata: usage });

describe("cache writes that live for an hour", () => {
  it("are at most all cache writes at Bedrock, whose details list each write", () => {
    const usage = (...hours: number[]) =>
      bedrock({
        inputTokens: 10,
        cacheWriteInputTokens: 50,
        cacheDetails: [
          { ttl: "5m", inputTokens: 7 },
          ...hours.map((inputTokens) => ({ ttl: "1h", inputTokens })),
        ],
      });
    assert.deepEqual(writes(usage(20, 10)), [60, 20, 30]);
    assert.deepEqual(writes(usage(50)), [60, 0, 50]);
    assert.deepEqual(writes(usage(51)), [60, 0, 50]);
  });

  it("are at most all cache writes in OpenAI's form", () => {
    const usage = (hour: number) =>
      openai({
        prompt_tokens: 100,
        prompt_tokens_details: {
          cache_creation_tokens: 50,
          cache_creation_token_details: { ephemeral_1h_input_tokens: hour },
        },
      });
    assert.deepEqual(writes(usage(20)), [100, 30, 20]);
    assert.deepEqual(writes(usage(50)), [100, 0, 50]);
    assert.deepEqual(writes(usage(51)), [100, 0, 50]);
  });

  it("are charged in full at Anthropic, even if they exceed the sum of all writes", () => {
    const usage = (sum: number, hour: number, fiveMinutes?: number) =>
      anthropic({
        input_tokens: 10,
        output_tokens: 1,
        cache_creation_input_tokens: sum,
        cache_creation: { ephemeral_1h_input_tokens: hour, ephemeral_5m_input_tokens: fiveMinutes },
      });
    assert.deepEqual(writes(usage(50, 20, 30)), [60, 30, 20]);
    assert.deepEqual(writes(usage(50, 20)), [60, 30, 20]);
    assert.deepEqual(writes(usage(50, 51)), [61, 0, 51]);
    assert.deepEqual(writes(usage(50, 51, 2)), [63, 2, 51]);
    // The sum is absent in some gateways.
    assert.deepEqual(writes(usage(0, 0, 9)), [19, 9, 0]);
  });
});

describe("parts of OpenAI's form", () => {
  it("never overlap: a token that is counted twice counts as cached, then as audio, then as image", () => {
    const usage = (details: object) => openai({ prompt_tokens: 100, prompt_tokens_details: details });
    const read = (details: object) =>
      parts(usage(details), "cacheReadTokens", "inputAudioTokens", "inputImageTokens");
    assert.deepEqual(read({ cached_tokens: 30, audio_tokens: 40, image_tokens: 30 }), [30, 40, 30]);
    assert.deepEqual(read({ cached_tokens: 30, audio_tokens: 40, image_tokens: 31 }), [30, 40, 30]);
    assert.deepEqual(read({ cached_tokens: 30, audio_tokens: 71, image_tokens: 1 }), [30, 70, 0]);
    assert.deepEqual(read({ cached_tokens: 60, cache_write_tokens: 30, audio_tokens: 40 }), [60, 10, 0]);
  });

  it("never overlap in the output: reasoning, then audio, then image", () => {
    const read = (details: object) =>
      parts(
        { usage: { prompt_tokens: 1, completion_tokens: 100, completion_tokens_details: details } },
        "outputTokens",
        "reasoningTokens",
        "outputAudioTokens",
        "outputImageTokens",
      );
    assert.deepEqual(read({ reasoning_tokens: 30, audio_tokens: 40, image_tokens: 31 }), [100, 30, 40, 30]);
    assert.deepEqual(read({ reasoning_tokens: 30, audio_tokens: 71 }), [100, 30, 70, 0]);
    assert.deepEqual(read({ reasoning_tokens: 100 }), [100, 100, 0, 0]);
  });

  it("are reasoning beside the completion only if the total says so", () => {
    const read = (total: number | undefined, reasoning = 30) =>
      parts(
        {
          usage: {
            prompt_tokens: 10,
            completion_tokens: 50,
            total_tokens: total,
            completion_tokens_details: { reasoning_tokens: reasoning },
          },
        },
        "outputTokens",
        "reasoningTokens",
      );
    assert.deepEqual(read(90), [80, 30]);
    assert.deepEqual(read(60), [50, 30]);
    assert.deepEqual(read(undefined), [50, 30]);
    assert.deepEqual(read(89), [50, 30]);
    assert.deepEqual(read(110, 50), [100, 50]);
  });

  it("have other names with other providers, and the first name counts", () => {
    const cached = (usage: object) => parts(openai({ prompt_tokens: 100, ...usage }), "cacheReadTokens")[0];
    assert.equal(cached({ cached_tokens: 1 }), 1);
    assert.equal(cached({ prompt_cache_hit_tokens: 2 }), 2);
    assert.equal(cached({ cache_read_input_tokens: 3 }), 3);
    assert.equal(cached({ prompt_tokens_details: { cached_tokens: 0 }, cached_tokens: 5 }), 0);
    assert.equal(cached({ prompt_tokens_details: { cached_tokens: null }, cached_tokens: 5 }), 5);
    const written = (usage: object) => parts(openai({ prompt_tokens: 100, ...usage }), "cacheWriteTokens")[0];
    assert.equal(written({ prompt_tokens_details: { cache_write_tokens: 4 } }), 4);
    assert.equal(written({ cache_creation_input_tokens: 6 }), 6);
    const searches = (usage: object) => parts(openai({ prompt_tokens: 1, ...usage }), "searchQueries")[0];
    assert.equal(searches({ server_tool_use: { web_search_requests: 1 } }), 1);
    assert.equal(searches({ prompt_tokens_details: { web_search_requests: 2 } }), 2);
    assert.equal(searches({ num_search_queries: 3 }), 3);
    assert.equal(searches({ num_sources_used: 4 }), 4);
    assert.equal(searches({}), undefined);
  });
});

describe("parts of Google's form", () => {
  const details = (modality: string, tokenCount: number) => ({ modality, tokenCount });

  it("are split by whether they were cached, and never overlap", () => {
    const read = (usage: object) =>
      parts(
        google({ promptTokenCount: 100, ...usage }),
        "inputTokens",
        "cacheReadTokens",
        "cacheReadAudioTokens",
        "cacheReadImageTokens",
        "inputAudioTokens",
        "inputImageTokens",
      );
    assert.deepEqual(
      read({
        cachedContentTokenCount: 50,
        promptTokensDetails: [details("AUDIO", 40), details("IMAGE", 30), details("TEXT", 30)],
        cacheTokensDetails: [details("AUDIO", 25), details("IMAGE", 20)],
      }),
      [100, 50, 25, 20, 15, 10],
    );
    // Details above their total are reduced to it.
    assert.deepEqual(
      read({
        cachedContentTokenCount: 50,
        promptTokensDetails: [details("AUDIO", 90), details("IMAGE", 90)],
        cacheTokensDetails: [details("AUDIO", 40), details("IMAGE", 20)],
      }),
      [100, 50, 40, 10, 50, 0],
    );
    assert.deepEqual(
      read({ cachedContentTokenCount: 50, cacheTokensDetails: [details("AUDIO", 60)] }),
      [100, 50, 50, 0, 0, 0],
    );
    assert.deepEqual(read({ toolUsePromptTokenCount: 5 }), [105, 0, 0, 0, 0, 0]);
    // Several items of one modality add up.
    assert.deepEqual(
      read({ promptTokensDetails: [details("AUDIO", 3), 7, details("AUDIO", 4)] }),
      [100, 0, 0, 0, 7, 0],
    );
  });

  it("of the output do not include the thoughts, which are added", () => {
    const read = (usage: object) =>
      parts(
        google({ promptTokenCount: 1, thoughtsTokenCount: 5, ...usage }),
        "outputTokens",
        "reasoningTokens",
        "outputAudioTokens",
        "outputImageTokens",
      );
    const lists = [details("AUDIO", 6), details("IMAGE", 9)];
    assert.deepEqual(read({ candidatesTokenCount: 10, candidatesTokensDetails: lists }), [15, 5, 6, 4]);
    assert.deepEqual(read({ responseTokenCount: 10, responseTokensDetails: lists }), [15, 5, 6, 4]);
    assert.deepEqual(read({ candidatesTokenCount: 4, candidatesTokensDetails: lists }), [9, 5, 4, 0]);
  });

  it("are one search for each prompt up to Gemini 2.5, and one for each query from Gemini 3 on", () => {
    const read = (model: string, ...queries: string[]) =>
      parts(
        google(
          { promptTokenCount: 1 },
          { modelVersion: model, candidates: [{ groundingMetadata: { webSearchQueries: queries } }] },
        ),
        "searchQueries",
      )[0];
    assert.equal(read("gemini-2.5-flash", "a", "b", "c"), 1);
    assert.equal(read("gemini-1.5-pro", "a", "b"), 1);
    assert.equal(read("gemini-2.5-flash"), 0);
    assert.equal(read("gemini-3-pro", "a", "", "c"), 2);
    assert.equal(read("gemini-3-pro", ""), 0);
    // Version 20 is no version 2.
    assert.equal(read("gemini-20-pro", "a", "b"), 2);
  });
});
