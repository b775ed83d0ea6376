import assert from "node:assert/strict";
import { test } from "node:test";
import { readCompletion } from "../../src/domain/completion.ts";
import { Failure } from "../../src/domain/errors.ts";
import { recorded } from "./completion-recorded.ts";

/** The request field that the error about a response names. */
function refusedField(response: unknown): string {
  try {
    readCompletion(response);
  } catch (error) {
    if (error instanceof Failure && error.error.reason === "INVALID_FIELD") return error.error.field;
    throw error;
  }
  return "not refused";
}

const withUsage = (usage: unknown): unknown => ({ ...recorded("openai-chat"), usage });

const REFUSED: [what: string, response: unknown, field: string][] = [
  ["no object", "gpt-4o", "completion"],
  ["a list", [recorded("openai-chat")], "completion"],
  ["null", null, "completion"],
  ["an empty object", {}, "completion.usage"],
  ["an earlier chunk of a stream", recorded("openai-chat-stream-earlier"), "completion.usage"],
  ["a response still in progress", recorded("openai-responses-in-progress"), "completion.usage"],
  ["the start of Anthropic's stream", recorded("anthropic-stream-start"), "completion.message.usage"],
  [
    "Anthropic's message without input tokens",
    { ...recorded("anthropic-message"), usage: { output_tokens: 3 } },
    "completion.usage",
  ],
  [
    "Google's metadata without counts",
    { usageMetadata: {}, modelVersion: "gemini-2.5-pro" },
    "completion.usageMetadata",
  ],
  ["an error", { error: { message: "Rate limit reached", type: "requests" } }, "completion.usage"],
  ["a usage of an unknown format", withUsage({ units: 12 }), "completion.usage"],
  ["a usage that is text", withUsage("a lot"), "completion.usage"],
  [
    "NaN, which google.protobuf.Struct can carry",
    withUsage({ prompt_tokens: Number.NaN, completion_tokens: 1 }),
    "completion.usage.prompt_tokens",
  ],
  [
    "infinity",
    withUsage({ prompt_tokens: 1, completion_tokens: Number.POSITIVE_INFINITY }),
    "completion.usage.completion_tokens",
  ],
  [
    "a negative count",
    withUsage({ prompt_tokens: 1, completion_tokens: -1 }),
    "completion.usage.completion_tokens",
  ],
  ["half a token", withUsage({ prompt_tokens: 1.5, completion_tokens: 1 }), "completion.usage.prompt_tokens"],
  [
    "more than 2^53-1",
    withUsage({ prompt_tokens: 2 ** 53, completion_tokens: 1 }),
    "completion.usage.prompt_tokens",
  ],
  [
    "a count as text",
    withUsage({ prompt_tokens: 1, completion_tokens: "12" }),
    "completion.usage.completion_tokens",
  ],
  [
    "more cached than sent",
    withUsage({ prompt_tokens: 10, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 11 } }),
    "completion.usage.input_tokens",
  ],
  [
    "more reasoning than output",
    withUsage({
      prompt_tokens: 10,
      completion_tokens: 1,
      completion_tokens_details: { reasoning_tokens: 5 },
    }),
    "completion.usage.completion_tokens",
  ],
  [
    "a negative cost",
    withUsage({ prompt_tokens: 10, completion_tokens: 1, cost: -0.1 }),
    "completion.usage.cost",
  ],
];

for (const [what, response, field] of REFUSED) {
  test(`${what} is refused, naming ${field}`, () => {
    assert.equal(refusedField(response), field);
  });
}

const DESCRIPTIONS: [response: unknown, description: string][] = [
  ["gpt-4o", "must be the JSON object that the provider returned"],
  [{}, "is missing; for a streamed response, send the last chunk, which has the usage"],
  [{ usage: null }, "is missing; for a streamed response, send the last chunk, which has the usage"],
  [{ usage: {} }, "has an unknown form; send `usage` with the model and the counts instead"],
  [{ type: "message", usage: {} }, "is missing, or has no input_tokens; for a stream, send the last chunk"],
  [
    { type: "message_start" },
    "belongs to the start of a stream, before the output; send the usage of the last message_delta",
  ],
  [{ usage: { prompt_tokens: -1 } }, "must be an integer from 0 to 2^53-1, and is -1"],
  [{ usage: { prompt_tokens: 1, cost: [] } }, "must be a number from 0 to 2^53-1, and is a list"],
  [
    { usage: { prompt_tokens: 1, completion_tokens_details: { reasoning_tokens: 1 } } },
    "is less than its reasoning tokens",
  ],
];

for (const [response, description] of DESCRIPTIONS) {
  test(`${JSON.stringify(response)} is refused with the reason: ${description.slice(0, 60)}`, () => {
    assert.throws(
      () => readCompletion(response),
      (error) =>
        error instanceof Failure &&
        error.error.reason === "INVALID_FIELD" &&
        error.error.description === description,
    );
  });
}
