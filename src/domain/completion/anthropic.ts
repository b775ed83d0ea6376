import { invalidField } from "../errors.ts";
import { isObject } from "../json.ts";
import type { Usage } from "../usage.ts";
import { type At, below, countAt, textOf, usageBelow } from "./fields.ts";
import { type Shape, tierOf } from "./shape.ts";

const KINDS = new Set(["message", "message_start", "message_delta"]);
const EARLY = "belongs to the start of a stream, before the output; send the usage of the last message_delta";

/**
 * Anthropic's messages, whole or streamed. `input_tokens` excludes the tokens read from or written to the cache, so the
 * total is the sum of all three. In a stream, the last message_delta has all counts but not the model.
 */
export const anthropicMessages: Shape<"anthropic.messages"> = {
  name: "anthropic.messages",
  recognizes: (json) =>
    (typeof json["type"] === "string" && KINDS.has(json["type"])) || hasCacheCounts(json["usage"]),
  read(at) {
    if (at.json["type"] === "message_start") throw invalidField(`${at.path}.message.usage`, EARLY);
    const usage = usageBelow(at, "usage", "input_tokens");
    return {
      model: textOf(at.json["model"]),
      usage: { ...readTokens(usage), requests: 1, serviceTier: tierOf(usage.json["service_tier"]) },
    };
  },
};

const hasCacheCounts = (usage: unknown): boolean =>
  isObject(usage) &&
  usage["input_tokens"] !== undefined &&
  (usage["cache_read_input_tokens"] !== undefined || usage["cache_creation_input_tokens"] !== undefined);

function readTokens(usage: At): Usage {
  const cacheReadTokens = countAt(usage, "cache_read_input_tokens") ?? 0;
  const writes = readWrites(usage);
  return {
    inputTokens: (countAt(usage, "input_tokens") ?? 0) + cacheReadTokens + writes.fiveMinutes + writes.hour,
    outputTokens: countAt(usage, "output_tokens") ?? 0,
    cacheReadTokens,
    cacheWriteTokens: writes.fiveMinutes,
    cacheWrite1hTokens: writes.hour,
    reasoningTokens: countAt(below(usage, "output_tokens_details"), "thinking_tokens") ?? 0,
    searchQueries: countAt(below(usage, "server_tool_use"), "web_search_requests") ?? 0,
  };
}

/** `cache_creation` splits the cache writes by lifetime. Writes that it does not list live for 5 minutes. */
function readWrites(usage: At): { fiveMinutes: number; hour: number } {
  const split = below(usage, "cache_creation");
  const hour = countAt(split, "ephemeral_1h_input_tokens") ?? 0;
  const fiveMinutes = countAt(split, "ephemeral_5m_input_tokens") ?? 0;
  const total = countAt(usage, "cache_creation_input_tokens") ?? 0;
  return { hour, fiveMinutes: Math.max(fiveMinutes, total - hour) };
}
