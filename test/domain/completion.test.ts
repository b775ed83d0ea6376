import assert from "node:assert/strict";
import { test } from "node:test";
import { type Completion, readCompletion } from "../../src/domain/completion.ts";
import type { Usage } from "../../src/domain/usage.ts";
import { recorded } from "./completion-recorded.ts";

/** Drops zero counts, a single request and the standard tier, which mean the same as an absent field. */
function telling(usage: Usage): Usage {
  const unsaid = new Map<string, unknown>([
    ["requests", 1],
    ["serviceTier", "standard"],
  ]);
  return Object.fromEntries(
    Object.entries(usage).filter(
      ([field, value]) => value !== 0 && value !== undefined && unsaid.get(field) !== value,
    ),
  );
}

type Expected = [fixture: string, shape: Completion["shape"], model: string | undefined, usage: Usage];

const EXPECTED: Expected[] = [
  // OpenAI's prompt_tokens include the cached tokens.
  [
    "openai-chat",
    "openai.chat",
    "gpt-4o-mini-2024-07-18",
    { inputTokens: 1200, cacheReadTokens: 1024, outputTokens: 340 },
  ],
  [
    "openai-chat-reasoning",
    "openai.chat",
    "o3-mini-2025-01-31",
    { inputTokens: 88, outputTokens: 1500, reasoningTokens: 1280, serviceTier: "flex" },
  ],
  [
    "openai-chat-audio",
    "openai.chat",
    "gpt-4o-audio-preview-2024-12-17",
    { inputTokens: 410, inputAudioTokens: 350, outputTokens: 260, outputAudioTokens: 200 },
  ],
  ["openai-chat-stream-last", "openai.chat", "gpt-4.1-2025-04-14", { inputTokens: 502, outputTokens: 77 }],
  // Of three web_search_calls, one only opens a page.
  [
    "openai-responses",
    "openai.responses",
    "gpt-5-2025-08-07",
    {
      inputTokens: 9150,
      cacheReadTokens: 2048,
      outputTokens: 870,
      reasoningTokens: 640,
      searchQueries: 2,
      serviceTier: "priority",
    },
  ],
  [
    "openai-responses-stream-last",
    "openai.responses",
    "gpt-5-2025-08-07",
    { inputTokens: 9150, cacheReadTokens: 2048, outputTokens: 870, reasoningTokens: 640 },
  ],
  ["openai-embeddings", "openai.chat", "text-embedding-3-small", { inputTokens: 8000 }],
  [
    "openai-images",
    "openai.images",
    undefined,
    { inputTokens: 380, inputImageTokens: 323, outputTokens: 1056, outputImageTokens: 1056 },
  ],
  ["openai-images-dalle", "openai.images", undefined, { images: 2, pixels: 2 * 1024 * 1792 }],
  [
    "openai-transcription",
    "openai.audio",
    undefined,
    { inputTokens: 140, inputAudioTokens: 128, outputTokens: 9 },
  ],
  ["openai-transcription-whisper", "openai.audio", undefined, { inputSeconds: 13 }],
  ["openai-transcription-whisper-older", "openai.audio", undefined, { inputSeconds: 12.34 }],
  [
    "openai-speech-stream-last",
    "openai.audio",
    undefined,
    { inputTokens: 14, outputTokens: 101, outputAudioTokens: 101 },
  ],
  [
    "anthropic-message",
    "anthropic.messages",
    "claude-sonnet-4-5-20250929",
    { inputTokens: 2095, outputTokens: 503 },
  ],
  // Anthropic's input_tokens exclude the cache: 50 + 10,000 read + 500 and 1,000 written.
  [
    "anthropic-message-cached",
    "anthropic.messages",
    "claude-sonnet-4-5-20250929",
    {
      inputTokens: 11_550,
      cacheReadTokens: 10_000,
      cacheWriteTokens: 500,
      cacheWrite1hTokens: 1000,
      outputTokens: 220,
      searchQueries: 2,
      serviceTier: "priority",
    },
  ],
  [
    "anthropic-message-older",
    "anthropic.messages",
    "claude-3-5-haiku-20241022",
    { inputTokens: 4300, cacheWriteTokens: 4000, outputTokens: 41 },
  ],
  [
    "anthropic-stream-last",
    "anthropic.messages",
    undefined,
    { inputTokens: 600, cacheReadTokens: 128, outputTokens: 189, searchQueries: 1 },
  ],
  // Google's cached content is part of the prompt; tool use is added to the prompt, thoughts to the candidates.
  [
    "google-generate",
    "google.generateContent",
    "gemini-2.5-flash",
    {
      inputTokens: 2050,
      cacheReadTokens: 1000,
      cacheReadAudioTokens: 300,
      inputAudioTokens: 340,
      inputImageTokens: 260,
      outputTokens: 520,
      reasoningTokens: 400,
      searchQueries: 1,
    },
  ],
  [
    "google-generate-stream-last",
    "google.generateContent",
    "gemini-2.5-pro",
    { inputTokens: 640, outputTokens: 75 },
  ],
  [
    "google-generate-image",
    "google.generateContent",
    "gemini-2.5-flash-image",
    { inputTokens: 20, outputTokens: 1310, outputImageTokens: 1290, serviceTier: "priority" },
  ],
  // Bedrock's inputTokens exclude the cache, and its responses do not name the model.
  [
    "bedrock-converse",
    "bedrock.converse",
    undefined,
    {
      inputTokens: 2130,
      cacheReadTokens: 1500,
      cacheWriteTokens: 200,
      cacheWrite1hTokens: 400,
      outputTokens: 628,
    },
  ],
  ["bedrock-converse-stream-last", "bedrock.converse", undefined, { inputTokens: 412, outputTokens: 55 }],
  ["mistral-chat", "openai.chat", "mistral-large-latest", { inputTokens: 13, outputTokens: 303 }],
  ["groq-chat", "openai.chat", "llama-3.3-70b-versatile", { inputTokens: 46, outputTokens: 612 }],
  ["groq-chat-stream-last", "openai.chat", "llama-3.1-8b-instant", { inputTokens: 120, outputTokens: 80 }],
  [
    "deepseek-chat",
    "openai.chat",
    "deepseek-reasoner",
    { inputTokens: 1000, cacheReadTokens: 640, outputTokens: 900, reasoningTokens: 700 },
  ],
  // xAI counts 450 reasoning tokens in addition to 100 of completion, as its total shows.
  [
    "xai-chat",
    "openai.chat",
    "grok-4-0709",
    { inputTokens: 700, cacheReadTokens: 320, outputTokens: 550, reasoningTokens: 450, searchQueries: 3 },
  ],
  [
    "openrouter-chat",
    "openai.chat",
    "anthropic/claude-sonnet-4.5",
    { inputTokens: 194, cacheReadTokens: 100, cacheWriteTokens: 40, outputTokens: 2 },
  ],
  ["perplexity-chat", "openai.chat", "sonar-pro", { inputTokens: 25, outputTokens: 400, searchQueries: 1 }],
  [
    "litellm-proxy-chat",
    "openai.chat",
    "claude-haiku-4-5",
    {
      inputTokens: 5000,
      cacheReadTokens: 3000,
      cacheWriteTokens: 600,
      cacheWrite1hTokens: 400,
      outputTokens: 60,
    },
  ],
];

for (const [fixture, shape, model, usage] of EXPECTED) {
  test(`${fixture} is read as ${shape}`, () => {
    const completion = readCompletion(recorded(fixture));
    assert.deepEqual(
      { shape: completion.shape, model: completion.model, usage: telling(completion.usage) },
      { shape, model, usage },
    );
  });
}

test("the cost that a provider reports is read, as a number or from Perplexity's object", () => {
  assert.equal(readCompletion(recorded("openrouter-chat")).reportedCostUsd, 0.000612);
  assert.equal(readCompletion(recorded("perplexity-chat")).reportedCostUsd, 0.012075);
  assert.equal(readCompletion(recorded("openai-chat")).reportedCostUsd, undefined);
});

test("since Gemini 3, every search query is billed, instead of the prompt", () => {
  const response = { ...recorded("google-generate"), modelVersion: "gemini-3-pro-preview" };
  assert.equal(readCompletion(response).usage.searchQueries, 2);
});

test("a cached audio token is counted once, as cached", () => {
  const response = recorded("openai-chat");
  response["usage"] = {
    prompt_tokens: 100,
    completion_tokens: 1,
    prompt_tokens_details: { cached_tokens: 80, audio_tokens: 60 },
  };
  const { usage } = readCompletion(response);
  assert.deepEqual([usage.cacheReadTokens, usage.inputAudioTokens], [80, 20]);
});

test("a count of zero is kept: a call that used nothing is read as zero", () => {
  const response = {
    ...recorded("openai-chat"),
    usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
  };
  assert.deepEqual(telling(readCompletion(response).usage), {});
});
