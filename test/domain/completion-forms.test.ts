import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { tierOf, withoutOverlap } from "../../src/domain/completion/shape.ts";
import { readCompletion } from "../../src/domain/completion.ts";
import { Failure } from "../../src/domain/errors.ts";

/** The form of a response and what was read, without what is zero or absent; or the field that is refused. */
function read(response: unknown): unknown {
  try {
    const { shape, model, usage, reportedCostUsd } = readCompletion(response);
    const given = Object.entries({ ...usage, model, reportedCostUsd });
    return [shape, Object.fromEntries(given.filter(([, value]) => value !== 0 && value !== undefined))];
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.error.reason === "INVALID_FIELD") return thrown.error.field;
    throw thrown;
  }
}

type Row = readonly [what: string, response: unknown, read: unknown];

const once = { requests: 1 };
const usual = { requests: 1, serviceTier: "standard" };

const IMAGES: readonly Row[] = [
  ["one image without a size", { data: [{ url: "u" }] }, ["openai.images", { images: 1, ...once }]],
  [
    "images of a size, and items that are no images",
    { data: [{ b64_json: "" }, { b64_json: "" }, 3], size: "1024x1792", model: "dall-e-3" },
    ["openai.images", { images: 2, pixels: 2 * 1024 * 1792, model: "dall-e-3", ...once }],
  ],
  [
    "a size that is a word",
    { data: [{ url: "u" }], size: "auto" },
    ["openai.images", { images: 1, ...once }],
  ],
  [
    "a size that is too long",
    { data: [{ url: "u" }], size: "1024x1234567" },
    ["openai.images", { images: 1, ...once }],
  ],
  [
    "tokens of images",
    {
      data: [{ b64_json: "" }],
      usage: {
        input_tokens: 50,
        output_tokens: 100,
        input_tokens_details: { image_tokens: 40, cached_tokens: 20 },
        output_tokens_details: { text_tokens: 30 },
      },
    },
    [
      "openai.images",
      {
        inputTokens: 50,
        outputTokens: 100,
        cacheReadTokens: 20,
        inputImageTokens: 30,
        outputImageTokens: 70,
        ...once,
      },
    ],
  ],
  [
    "the end of a stream of an image",
    { type: "image_generation.completed", usage: { input_tokens: 5, output_tokens: 7 } },
    ["openai.images", { inputTokens: 5, outputTokens: 7, outputImageTokens: 7, ...once }],
  ],
  [
    "the end of a stream of an edited image",
    { type: "image_edit.completed", usage: { input_tokens: 5, output_tokens: 7 } },
    ["openai.images", { inputTokens: 5, outputTokens: 7, outputImageTokens: 7, ...once }],
  ],
  [
    "another event with a usage",
    { type: "image_edit.partial", usage: { output_tokens: 7 } },
    "completion.usage",
  ],
  ["no items", { data: [] }, "completion.usage"],
];

const AUDIO: readonly Row[] = [
  [
    "seconds of a transcript",
    { text: "t", usage: { type: "duration", seconds: 13 } },
    ["openai.audio", { inputSeconds: 13, ...once }],
  ],
  ["no seconds", { text: "t", usage: { type: "duration" } }, ["openai.audio", once]],
  [
    "the length of the audio, as a number or as text",
    { text: "t", duration: "12.34" },
    ["openai.audio", { inputSeconds: 12.34, ...once }],
  ],
  [
    "tokens of a transcript",
    {
      text: "t",
      model: "w",
      usage: { type: "tokens", input_tokens: 9, output_tokens: 4, input_token_details: { audio_tokens: 8 } },
    },
    ["openai.audio", { model: "w", inputTokens: 9, inputAudioTokens: 8, outputTokens: 4, ...once }],
  ],
  [
    "tokens without a type, by their details, at most all of them audio",
    { text: "t", usage: { input_tokens: 9, output_tokens: 4, input_token_details: { audio_tokens: 10 } } },
    ["openai.audio", { inputTokens: 9, inputAudioTokens: 9, outputTokens: 4, ...once }],
  ],
  [
    "the end of a stream of speech",
    { type: "speech.audio.done", usage: { input_tokens: 3, output_tokens: 8 } },
    ["openai.audio", { inputTokens: 3, outputTokens: 8, outputAudioTokens: 8, ...once }],
  ],
  ["a text alone", { text: "t" }, "completion.usage"],
  ["a negative length", { text: "t", duration: -1 }, "completion.duration"],
  ["a length in words", { text: "t", duration: "12s" }, "completion.duration"],
  ["a length beyond 2^53-1", { text: "t", duration: 2 ** 53 }, "completion.duration"],
];

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

for (const [subject, rows] of Object.entries({
  "OpenAI's images": IMAGES,
  "OpenAI's audio": AUDIO,
  "OpenAI's Responses": RESPONSES,
  "other responses": OTHERS,
})) {
  describe(`a completion, ${subject}:`, () => {
    for (const [what, response, expected] of rows) {
      it(`${what} is ${typeof expected === "string" ? `refused, naming ${expected}` : "read"}`, () => {
        assert.deepEqual(read(response), expected);
      });
    }
  });
}

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
