import { type Api, billed, type Known, NOTHING_KNOWN, type StreamReader } from "../api.ts";
import { countOf, type JsonObject, listAt, objectAt, omit, pick, textAt } from "../json.ts";
import { createOutput } from "../output.ts";
import { messageOf, settingsMessage, textOf } from "../prompt.ts";
import { largest } from "./openai-chat.ts";

const SETTINGS = ["tools", "tool_choice", "output_format", "output_config", "mcp_servers"];

/** Anthropic's messages, and compatible providers. */
export const anthropicMessages: Api = {
  path: /\/messages$/,
  needs: "messages",
  streamsUsageOnRequest: false,
  worstCase(body) {
    const system = body["system"] ?? "";
    const messages = listAt(body, "messages").map((message) => messageOf(message));
    return {
      estimate: {
        messages: [
          ...settingsMessage(pick(body, SETTINGS)),
          ...(system === "" ? [] : [messageOf({ role: "system", content: system })]),
          ...messages,
        ],
        maxOutputTokens: largest([countOf(body["max_tokens"])]),
      },
      answers: 1,
    };
  },
  readStream: readEvents,
};

/**
 * message_start has the model and the input. Every message_delta has the counts so far, and the last one has the final
 * counts. If the stream is cut off before it, the output received so far is counted instead.
 */
function readEvents(): StreamReader {
  const output = createOutput();
  let message: JsonObject | undefined;
  let usage: JsonObject = {};
  let complete = false;
  const withUsage = (more: JsonObject): JsonObject => ({
    ...message,
    type: "message",
    usage: { ...usage, ...more },
  });
  return {
    read(event) {
      const type = textAt(event, "type");
      const started = objectAt(event, "message");
      if (type === "message_start" && started !== undefined) {
        message = billed(started);
        usage = objectAt(started, "usage") ?? {};
      } else if (type === "message_delta") {
        usage = { ...usage, ...omit(objectAt(event, "usage") ?? {}, []) };
        complete = objectAt(event, "usage") !== undefined;
      } else if (type === "content_block_start") {
        output.add(textOf(event["index"]), objectAt(event, "content_block")?.["name"]);
      } else {
        const delta = objectAt(event, "delta") ?? {};
        for (const key of ["text", "thinking", "partial_json"])
          output.add(textOf(event["index"]), delta[key]);
      }
      return false;
    },
    known(): Known {
      if (message === undefined) return NOTHING_KNOWN;
      return {
        completion: complete ? withUsage({}) : undefined,
        output: output.text(),
        withOutputTokens: (counted) =>
          withUsage({ output_tokens: Math.max(counted, countOf(usage["output_tokens"]) ?? 0) }),
      };
    },
  };
}
