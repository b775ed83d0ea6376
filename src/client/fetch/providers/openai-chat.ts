import { type Api, billed, type Known, type StreamReader } from "../api.ts";
import { countOf, isObject, type JsonObject, listAt, objectAt, pick, textAt } from "../json.ts";
import { createOutput, type Output } from "../output.ts";
import { messageOf, settingsMessage, textOf } from "../prompt.ts";

const SETTINGS = ["tools", "functions", "response_format", "web_search_options", "prediction"];

/** OpenAI's chat completions, and compatible providers. */
export const openaiChat: Api = {
  path: /\/chat\/completions$/,
  streamsUsageOnRequest: true,
  worstCase(body) {
    const messages = listAt(body, "messages").map((message) => messageOf(message));
    const bounds = [countOf(body["max_completion_tokens"]), countOf(body["max_tokens"])];
    return {
      estimate: {
        messages: [...settingsMessage(pick(body, SETTINGS)), ...messages],
        maxOutputTokens: largest(bounds),
      },
      answers: Math.max(1, countOf(body["n"]) ?? 1),
    };
  },
  readStream: readChunks,
};

export function largest(counts: readonly (number | undefined)[]): bigint | undefined {
  const given = counts.filter((count) => count !== undefined);
  return given.length === 0 ? undefined : BigInt(Math.max(...given));
}

/** The chunks of chat completions and of the older completions. */
export function readChunks(): StreamReader {
  const output = createOutput();
  let usage: JsonObject | undefined;
  return {
    read(chunk) {
      const choices = listAt(chunk, "choices");
      for (const choice of choices) addChoice(output, choice);
      if (objectAt(chunk, "usage") === undefined && objectAt(chunk["x_groq"], "usage") === undefined)
        return false;
      usage = billed(chunk);
      return choices.length === 0;
    },
    known(): Known {
      return { completion: usage, output: output.text(), withOutputTokens: undefined };
    },
  };
}

const WRITTEN = ["content", "refusal", "reasoning_content", "reasoning"];

function addChoice(output: Output, choice: unknown): void {
  if (!isObject(choice)) return;
  const at = textOf(choice["index"]);
  output.add(at, choice["text"]);
  const delta = objectAt(choice, "delta") ?? {};
  for (const key of WRITTEN) output.add(`${at} ${key}`, delta[key]);
  for (const call of [
    ...listAt(delta, "tool_calls").map((each) => objectAt(each, "function")),
    delta["function_call"],
  ]) {
    output.add(`${at} call`, textAt(call, "name"));
    output.add(`${at} call`, textAt(call, "arguments"));
  }
}
