import { isObject, type Json } from "../json.ts";
import type { Usage } from "../usage.ts";
import { type At, countAt, objectsOf, textOf, usageBelow } from "./fields.ts";
import { type Shape, tierOf, withoutOverlap } from "./shape.ts";

/**
 * Google's generateContent, on Gemini and Vertex: a whole response, or the last chunk of a stream. `promptTokenCount`
 * includes cached content. It excludes the tokens that tools added to the prompt, and `candidatesTokenCount` excludes
 * reasoning.
 */
export const googleGenerate: Shape<"google.generateContent"> = {
  name: "google.generateContent",
  recognizes: (json) => isObject(json["usageMetadata"]),
  read(at) {
    const usage = usageBelow(at, "usageMetadata", "promptTokenCount", "candidatesTokenCount");
    const model = textOf(at.json["modelVersion"]);
    return {
      model,
      usage: {
        ...readInput(usage),
        ...readOutput(usage),
        searchQueries: searchesBilled(at.json, model ?? ""),
        requests: 1,
        serviceTier: tierOf(usage.json["trafficType"]),
      },
    };
  },
};

function readInput(usage: At): Usage {
  const prompt = countAt(usage, "promptTokenCount") ?? 0;
  const inputTokens = prompt + (countAt(usage, "toolUsePromptTokenCount") ?? 0);
  const cacheReadTokens = countAt(usage, "cachedContentTokenCount") ?? 0;
  const cached = (modality: string): number =>
    Math.min(tokensOf(usage, "cacheTokensDetails", modality), cacheReadTokens);
  const sent = (modality: string): number =>
    Math.max(0, tokensOf(usage, "promptTokensDetails", modality) - cached(modality));
  const inputAudioTokens = withoutOverlap(sent("AUDIO"), cacheReadTokens, inputTokens);
  const cacheReadAudioTokens = cached("AUDIO");
  return {
    inputTokens,
    cacheReadTokens,
    cacheReadAudioTokens,
    cacheReadImageTokens: withoutOverlap(cached("IMAGE"), cacheReadAudioTokens, cacheReadTokens),
    inputAudioTokens,
    inputImageTokens: withoutOverlap(sent("IMAGE"), cacheReadTokens + inputAudioTokens, inputTokens),
  };
}

function readOutput(usage: At): Usage {
  const reasoningTokens = countAt(usage, "thoughtsTokenCount") ?? 0;
  const candidates = countAt(usage, "candidatesTokenCount", "responseTokenCount") ?? 0;
  const details =
    usage.json["candidatesTokensDetails"] === undefined ? "responseTokensDetails" : "candidatesTokensDetails";
  const outputAudioTokens = Math.min(tokensOf(usage, details, "AUDIO"), candidates);
  return {
    outputTokens: candidates + reasoningTokens,
    reasoningTokens,
    outputAudioTokens,
    outputImageTokens: withoutOverlap(tokensOf(usage, details, "IMAGE"), outputAudioTokens, candidates),
  };
}

/** The token count of one modality in a list such as promptTokensDetails. */
function tokensOf(usage: At, list: string, modality: string): number {
  let tokens = 0;
  const items = usage.json[list];
  for (const [index, json] of (Array.isArray(items) ? items : []).entries()) {
    if (!isObject(json) || json["modality"] !== modality) continue;
    tokens += countAt({ json, path: `${usage.path}.${list}[${index}]` }, "tokenCount") ?? 0;
  }
  return tokens;
}

/** Up to Gemini 2.5, a prompt that used search is billed as one search. From Gemini 3 on, every query is billed. */
function searchesBilled(response: Json, model: string): number {
  const queries = objectsOf(response["candidates"]).flatMap(({ groundingMetadata }) => {
    const list = isObject(groundingMetadata) ? groundingMetadata["webSearchQueries"] : undefined;
    return Array.isArray(list) ? list.filter((query) => query !== "") : [];
  });
  return /gemini-[12]\b/.test(model) ? Math.min(1, queries.length) : queries.length;
}
