import type { Api } from "../api.ts";
import { countOf, type JsonObject } from "../json.ts";
import { textOf } from "../prompt.ts";
import { largest, readChunks } from "./openai-chat.ts";

/** OpenAI's older completions. Every prompt of a list gets answers, and all `best_of` answers are billed. */
export const openaiCompletions: Api = {
  path: /\/completions$/,
  streamsUsageOnRequest: true,
  worstCase(body) {
    const prompts = promptsIn(body["prompt"]);
    const each = Math.max(countOf(body["n"]) ?? 1, countOf(body["best_of"]) ?? 1);
    return {
      estimate: {
        text: joined([...prompts, body["suffix"] ?? ""]),
        maxOutputTokens: largest([countOf(body["max_tokens"])]),
      },
      answers: Math.max(1, prompts.length) * each,
    };
  },
  readStream: readChunks,
};

/** Embeddings have no billed output. */
export const openaiEmbeddings: Api = {
  path: /\/embeddings$/,
  streamsUsageOnRequest: false,
  worstCase: (body) => ({
    estimate: { text: joined(promptsIn(body["input"])), maxOutputTokens: 0n },
    answers: 1,
  }),
  readStream: readChunks,
};

/** A prompt is a text or a list of tokens. A list of these is several prompts. */
function promptsIn(value: JsonObject[string] | undefined): unknown[] {
  if (!Array.isArray(value)) return [value ?? ""];
  return value.every((item) => typeof item === "number") ? [value] : value;
}

// The server refuses an empty text.
const joined = (texts: readonly unknown[]): string => texts.map(textOf).join("\n") || " ";
