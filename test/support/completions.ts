/**
 * Responses of the usual providers, reduced to the relevant fields, each with its usage: 1,000 input tokens and 500
 * output tokens.
 */
export const COMPLETIONS = {
  "OpenAI chat completions": {
    id: "chatcmpl-1",
    object: "chat.completion",
    model: "gpt-4o-mini-2024-07-18",
    choices: [{ index: 0, message: { role: "assistant", content: "Hello!" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 1000, completion_tokens: 500, total_tokens: 1500 },
  },
  "OpenAI responses": {
    id: "resp_1",
    object: "response",
    model: "gpt-4o-mini-2024-07-18",
    output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text: "Hello!" }] }],
    usage: {
      input_tokens: 1000,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 500,
      output_tokens_details: { reasoning_tokens: 0 },
    },
  },
  "Anthropic messages": {
    id: "msg_1",
    type: "message",
    model: "claude-3-5-haiku-20241022",
    content: [{ type: "text", text: "Hello!" }],
    usage: { input_tokens: 1000, output_tokens: 500 },
  },
  "Google generateContent": {
    modelVersion: "gemini-2.0-flash",
    candidates: [{ content: { role: "model", parts: [{ text: "Hello!" }] } }],
    usageMetadata: { promptTokenCount: 1000, candidatesTokenCount: 500, totalTokenCount: 1500 },
  },
};
