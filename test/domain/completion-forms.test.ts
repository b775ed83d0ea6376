import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { tierOf, withoutOverlap } from "../../src/domain/completion/shape.ts";
import { once, type Row, readsRows, usual } from "./completion-rows.ts";

const RESPONSES: readonly Row[] = [
  [
    "parts of both totals",
    {
      object: "response",
      model: "gpt",
      usage: {
        input_tokens: 100,
        output_tokens: 50,
        input_tokens_details: { cached_tokens: 60, cache_write_tokens: 10, audio_tokens: 35 },
        output_tokens_details: { reasoning_tokens: 20, audio_tokens: 5 },
      },
      service_tier: "FLEX",
    },
    [
      "openai.responses",
      {
        model: "gpt",
        inputTokens: 100,
        outputTokens: 50,
        cacheReadTokens: 60,
        cacheWriteTokens: 10,
        inputAudioTokens: 30,
        reasoningTokens: 20,
        outputAudioTokens: 5,
        requests: 1,
        serviceTier: "flex",
      },
    ],
  ],
  ...["completed", "incomplete", "failed"].map(
    (end): Row => [
      `the last event of a stream, ${end}`,
      { type: `response.${end}`, response: { usage: { input_tokens: 3 } } },
      ["openai.responses", { inputTokens: 3, ...usual }],
    ],
  ),
  [
    "an earlier event",
    { type: "response.in_progress", response: { usage: { input_tokens: 3 } } },
    "completion.usage",
  ],
  [
    "a response without a name, by its details",
    { usage: { input_tokens: 3, output_tokens: 1, output_tokens_details: {} } },
    ["openai.responses", { inputTokens: 3, outputTokens: 1, ...usual }],
  ],
  [
    "searches, but no pages that were opened",
    {
      object: "response",
      usage: { output_tokens: 1 },
      output: [
        { type: "web_search_call" },
        { type: "web_search_call", action: { type: "search" } },
        { type: "web_search_call", action: {} },
        { type: "web_search_call", action: { type: "open_page" } },
        { type: "message", action: { type: "search" } },
      ],
    },
    ["openai.responses", { outputTokens: 1, searchQueries: 3, ...usual }],
  ],
  ["no usage", { object: "response", usage: null }, "completion.usage"],
];

const OTHERS: readonly Row[] = [
  [
    "Anthropic's message by its counts of the cache",
    { usage: { input_tokens: 3, cache_read_input_tokens: 4, output_tokens: 5 } },
    ["anthropic.messages", { inputTokens: 7, cacheReadTokens: 4, outputTokens: 5, ...usual }],
  ],
  [
    "Anthropic's delta, with thinking and searches",
    {
      type: "message_delta",
      usage: {
        input_tokens: 3,
        output_tokens: 9,
        output_tokens_details: { thinking_tokens: 6 },
        server_tool_use: { web_search_requests: 2 },
        service_tier: "batch",
      },
    },
    [
      "anthropic.messages",
      {
        inputTokens: 3,
        outputTokens: 9,
        reasoningTokens: 6,
        searchQueries: 2,
        requests: 1,
        serviceTier: "batch",
      },
    ],
  ],
  [
    "Bedrock's last event",
    { metadata: { usage: { inputTokens: 3, outputTokens: 2 }, serviceTier: { type: "priority" } } },
    ["bedrock.converse", { inputTokens: 3, outputTokens: 2, requests: 1, serviceTier: "priority" }],
  ],
  [
    "a bad count in Bedrock's details",
    { usage: { inputTokens: 3, cacheDetails: [{ ttl: "1h", inputTokens: -1 }] } },
    "completion.usage.cacheDetails.inputTokens",
  ],
  [
    "a bad count in Google's details, by its place",
    {
      usageMetadata: {
        promptTokenCount: 3,
        promptTokensDetails: [{ modality: "TEXT" }, { modality: "AUDIO", tokenCount: 0.5 }],
      },
    },
    "completion.usageMetadata.promptTokensDetails[1].tokenCount",
  ],
  [
    "Google's tier of traffic",
    { usageMetadata: { candidatesTokenCount: 3, trafficType: "ON_DEMAND_PRIORITY" } },
    ["google.generateContent", { outputTokens: 3, requests: 1, serviceTier: "priority" }],
  ],
  [
    "a cost as text, and a model without a name",
    { model: "", usage: { prompt_tokens: 1, cost: "0.25" } },
    ["openai.chat", { inputTokens: 1, reportedCostUsd: 0.25, ...usual }],
  ],
  [
    "the usage of Groq's stream",
    { x_groq: { usage: { prompt_tokens: 2 } } },
    ["openai.chat", { inputTokens: 2, ...usual }],
  ],
  [
    "a count of 2^53-1",
    { usage: { prompt_tokens: Number.MAX_SAFE_INTEGER } },
    ["openai.chat", { inputTokens: Number.MAX_SAFE_INTEGER, ...usual }],
  ],
];

/** Responses with one count or none. What is absent is 0. */
const SPARSE: readonly Row[] = [
  ["no tokens of an image", { data: [{ url: "u" }], usage: {} }, ["openai.images", once]],
  ["no tokens of speech", { type: "speech.audio.done", usage: {} }, ["openai.audio", once]],
  ["no tokens of a transcript", { text: "t", usage: { type: "tokens" } }, ["openai.audio", once]],
  [
    "tokens of a transcript without details",
    { text: "t", usage: { type: "tokens", input_tokens: 9 } },
    ["openai.audio", { inputTokens: 9, ...once }],
  ],
  [
    "a transcript with an empty list of details",
    { text: "t", usage: { input_token_details: {} } },
    ["openai.audio", once],
  ],
  [
    "the input of a message",
    { type: "message", usage: { input_tokens: 9 } },
    ["anthropic.messages", { inputTokens: 9, ...usual }],
  ],
  [
    "the cache of a message",
    { usage: { input_tokens: 0, cache_creation_input_tokens: 2 } },
    ["anthropic.messages", { inputTokens: 2, cacheWriteTokens: 2, ...usual }],
  ],
  ["the input of a chat", { usage: { prompt_tokens: 9 } }, ["openai.chat", { inputTokens: 9, ...usual }]],
  [
    "the model of a chat",
    { model: "gpt-4o", usage: { prompt_tokens: 9 } },
    ["openai.chat", { model: "gpt-4o", inputTokens: 9, ...usual }],
  ],
  [
    "the output of a chat",
    { usage: { prompt_tokens: 0, completion_tokens: 9 } },
    ["openai.chat", { outputTokens: 9, ...usual }],
  ],
  ["the input of Bedrock", { usage: { inputTokens: 9 } }, ["bedrock.converse", { inputTokens: 9, ...usual }]],
  [
    "a modality of Google without a count",
    { usageMetadata: { promptTokenCount: 9, promptTokensDetails: [{ modality: "AUDIO" }] } },
    ["google.generateContent", { inputTokens: 9, ...usual }],
  ],
  [
    "the prompt of Google",
    { usageMetadata: { promptTokenCount: 9 } },
    ["google.generateContent", { inputTokens: 9, ...usual }],
  ],
  [
    "images that have the usage of a chat",
    { data: [{ url: "u" }], usage: { prompt_tokens: 9 } },
    ["openai.chat", { inputTokens: 9, ...usual }],
  ],
];

readsRows("OpenAI's Responses", RESPONSES);
readsRows("other responses", OTHERS);
readsRows("responses with few counts", SPARSE);

describe("a provider's word for a service tier", () => {
  it("is flex, priority or batch, in any case; every other word is standard", () => {
    for (const [word, tier] of [
      ["flex", "flex"],
      ["Priority", "priority"],
      ["BATCH", "batch"],
      ["ON_DEMAND_FLEX", "flex"],
      ["on_demand_priority", "priority"],
      ["default", "standard"],
      ["auto", "standard"],
      ["", "standard"],
      [undefined, "standard"],
      [7, "standard"],
    ] as const) {
      assert.equal(tierOf(word), tier, String(word));
    }
  });
});

describe("a part of a total", () => {
  it("is at most what the other parts leave, and at least 0", () => {
    assert.equal(withoutOverlap(5, 0, 10), 5);
    assert.equal(withoutOverlap(5, 5, 10), 5);
    assert.equal(withoutOverlap(5, 6, 10), 4);
    assert.equal(withoutOverlap(5, 11, 10), 0);
  });
});
