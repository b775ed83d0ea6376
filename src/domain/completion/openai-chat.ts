import { invalidField } from "../errors.ts";
import { isObject, type Json } from "../json.ts";
import type { Usage } from "../usage.ts";
import { type At, below, countAt, numberAt, textOf } from "./fields.ts";
import { type Shape, tierOf, withoutOverlap } from "./shape.ts";

/**
 * OpenAI's chat completions, legacy completions and embeddings: a whole response, or the last chunk of a stream. Other
 * providers use the same form: Azure, Mistral, Groq, DeepSeek, xAI, OpenRouter, Perplexity, Together, LiteLLM's proxy.
 * All of them include cached tokens in `prompt_tokens`.
 */
export const openaiChat: Shape<"openai.chat"> = {
  name: "openai.chat",
  recognizes: (response) => typeof usageOf(response)?.["prompt_tokens"] === "number",
  read({ json, path }) {
    const usage: At = { json: usageOf(json) ?? {}, path: `${path}.usage` };
    return {
      model: textOf(json["model"]),
      usage: { ...readUsage(usage), serviceTier: tierOf(json["service_tier"]) },
      reportedCostUsd: reportedCost(usage),
    };
  },
};

/** Groq sends the usage of a streamed response in the field `x_groq`. */
function usageOf(response: Json): Json | undefined {
  if (isObject(response["usage"])) return response["usage"];
  const groq = response["x_groq"];
  return isObject(groq) && isObject(groq["usage"]) ? groq["usage"] : undefined;
}

function readUsage(usage: At): Usage {
  const inputTokens = countAt(usage, "prompt_tokens") ?? 0;
  const output = readOutput(usage, inputTokens);
  return {
    inputTokens,
    ...readInputParts(usage, inputTokens),
    ...output,
    ...readSearches(usage),
    requests: 1,
  };
}

function readInputParts(usage: At, inputTokens: number): Usage {
  const details = below(usage, "prompt_tokens_details");
  // OpenAI's cached_tokens has other names at DeepSeek and at Anthropic (through LiteLLM's proxy).
  const cacheReadTokens =
    countAt(details, "cached_tokens") ??
    countAt(usage, "cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens") ??
    0;
  const written =
    countAt(details, "cache_write_tokens", "cache_creation_tokens") ??
    countAt(usage, "cache_creation_input_tokens") ??
    0;
  const hour = countAt(below(details, "cache_creation_token_details"), "ephemeral_1h_input_tokens") ?? 0;
  const cacheWrite1hTokens = Math.min(hour, written);
  const cached = cacheReadTokens + written;
  const inputAudioTokens = withoutOverlap(countAt(details, "audio_tokens") ?? 0, cached, inputTokens);
  const image = countAt(details, "image_tokens") ?? 0;
  return {
    cacheReadTokens,
    cacheWriteTokens: written - cacheWrite1hTokens,
    cacheWrite1hTokens,
    inputAudioTokens,
    inputImageTokens: withoutOverlap(image, cached + inputAudioTokens, inputTokens),
  };
}

function readOutput(usage: At, inputTokens: number): Usage {
  const details = below(usage, "completion_tokens_details");
  const completion = countAt(usage, "completion_tokens") ?? 0;
  const reasoningTokens = countAt(details, "reasoning_tokens") ?? countAt(usage, "reasoning_tokens") ?? 0;
  const total = countAt(usage, "total_tokens");
  // xAI excludes reasoning from completion_tokens. The total shows which convention a response follows.
  const beside = reasoningTokens > 0 && total === inputTokens + completion + reasoningTokens;
  const outputTokens = beside ? completion + reasoningTokens : completion;
  if (reasoningTokens > outputTokens) {
    throw invalidField(`${usage.path}.completion_tokens`, "is less than its reasoning tokens");
  }
  const audio = countAt(details, "audio_tokens") ?? 0;
  const outputAudioTokens = withoutOverlap(audio, reasoningTokens, outputTokens);
  const image = countAt(details, "image_tokens") ?? 0;
  return {
    outputTokens,
    reasoningTokens,
    outputAudioTokens,
    outputImageTokens: withoutOverlap(image, reasoningTokens + outputAudioTokens, outputTokens),
  };
}

/**
 * Perplexity counts its queries, OpenRouter and LiteLLM's proxy count searches, xAI counts the sources that it bills.
 */
function readSearches(usage: At): Usage {
  const searchQueries =
    countAt(below(usage, "server_tool_use"), "web_search_requests") ??
    countAt(below(usage, "prompt_tokens_details"), "web_search_requests") ??
    countAt(usage, "num_search_queries", "num_sources_used");
  return searchQueries === undefined ? {} : { searchQueries };
}

/** OpenRouter's `usage.cost` is a number. Perplexity's is an object with a total. */
function reportedCost(usage: At): number | undefined {
  if (isObject(usage.json["cost"])) return numberAt(below(usage, "cost"), "total_cost");
  return numberAt(usage, "cost");
}
