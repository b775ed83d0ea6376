import { isObject, type Json } from "../json.ts";
import type { Usage } from "../usage.ts";
import { type At, below, countAt, objectsOf, textOf, usageBelow } from "./fields.ts";
import { type Shape, tierOf, withoutOverlap } from "./shape.ts";

const FINAL_EVENTS = new Set(["response.completed", "response.incomplete", "response.failed"]);

/** OpenAI's Responses API: a response, or the last event of its stream, which contains the whole response. */
export const openaiResponses: Shape<"openai.responses"> = {
  name: "openai.responses",
  recognizes: (json) =>
    json["object"] === "response" || isFinalEvent(json) || hasResponsesUsage(json["usage"]),
  read(at) {
    const { json, path } = isFinalEvent(at.json) ? below(at, "response") : at;
    const usage: At = usageBelow({ json, path }, "usage", "input_tokens", "output_tokens");
    return {
      model: textOf(json["model"]),
      usage: {
        ...readTokens(usage),
        searchQueries: objectsOf(json["output"]).filter(isSearch).length,
        requests: 1,
        serviceTier: tierOf(json["service_tier"]),
      },
    };
  },
};

const isFinalEvent = (json: Json): boolean =>
  typeof json["type"] === "string" && FINAL_EVENTS.has(json["type"]) && isObject(json["response"]);

const hasResponsesUsage = (usage: unknown): boolean =>
  isObject(usage) && usage["input_tokens"] !== undefined && isObject(usage["output_tokens_details"]);

/** Counts only searches. Opening or reading a page that a search found is not billed. */
function isSearch(item: Json): boolean {
  if (item["type"] !== "web_search_call") return false;
  const action = item["action"];
  return !isObject(action) || action["type"] === undefined || action["type"] === "search";
}

function readTokens(usage: At): Usage {
  const input = below(usage, "input_tokens_details");
  const output = below(usage, "output_tokens_details");
  const inputTokens = countAt(usage, "input_tokens") ?? 0;
  const cacheReadTokens = countAt(input, "cached_tokens") ?? 0;
  const cacheWriteTokens = countAt(input, "cache_write_tokens") ?? 0;
  const audio = countAt(input, "audio_tokens") ?? 0;
  return {
    inputTokens,
    outputTokens: countAt(usage, "output_tokens") ?? 0,
    cacheReadTokens,
    cacheWriteTokens,
    inputAudioTokens: withoutOverlap(audio, cacheReadTokens + cacheWriteTokens, inputTokens),
    reasoningTokens: countAt(output, "reasoning_tokens") ?? 0,
    outputAudioTokens: countAt(output, "audio_tokens") ?? 0,
  };
}
