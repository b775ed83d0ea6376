import { type Api, billed, type Known, type StreamReader } from "../api.ts";
import { countOf, type JsonObject, objectAt, pick, textAt } from "../json.ts";
import { createOutput } from "../output.ts";
import { messageOf, settingsMessage } from "../prompt.ts";
import { largest } from "./openai-chat.ts";

const SETTINGS = ["instructions", "tools", "text", "prompt"];

/** OpenAI's Responses API, and compatible providers. */
export const openaiResponses: Api = {
  path: /\/responses$/,
  streamsUsageOnRequest: false,
  worstCase(body) {
    const input = body["input"] ?? "";
    const items: readonly unknown[] = Array.isArray(input) ? input : [input];
    return {
      estimate: {
        messages: [...settingsMessage(pick(body, SETTINGS)), ...items.map((item) => messageOf(item))],
        maxOutputTokens: largest([countOf(body["max_output_tokens"])]),
      },
      answers: 1,
    };
  },
  readStream: readEvents,
};

/** Each event names the part that it extends. The last event has the whole response. */
function readEvents(): StreamReader {
  const output = createOutput();
  let last: JsonObject | undefined;
  return {
    read(event) {
      output.add(`${textAt(event, "item_id")} ${textAt(event, "type")}`, event["delta"]);
      const response = objectAt(event, "response");
      if (objectAt(response, "usage") !== undefined && response !== undefined) last = billed(response);
      return false;
    },
    known(): Known {
      return { completion: last, output: output.text(), withOutputTokens: undefined };
    },
  };
}
