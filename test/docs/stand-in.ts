import { dataEvents, type Provider, startProvider } from "../support/provider.ts";

const TEXT = "330 metres.";

/**
 * A provider for the programs of the pages: it gives the same answer to every question, in OpenAI's and Anthropic's
 * formats.
 */
export const startStandIn = (): Promise<Provider> =>
  startProvider(({ path, body }) => {
    const { stream = false, model } = JSON.parse(body) as { stream?: boolean; model: string };
    switch (path) {
      case "/v1/responses":
        return { json: responseOf(model) };
      case "/v1/chat/completions":
        return stream ? { stream: dataEvents(chunksOf(model)) } : { json: chatOf(model) };
      case "/v1/messages":
        return { json: messageOf(model) };
      default:
        return { json: { error: { message: `nothing is served at ${path}` } }, status: 404 };
    }
  });

const CHAT_USAGE = { prompt_tokens: 14, completion_tokens: 8, total_tokens: 22 };

function responseOf(model: string) {
  const content = [{ type: "output_text", text: TEXT, annotations: [] }];
  const output = [{ type: "message", id: "m", role: "assistant", status: "completed", content }];
  const usage = { input_tokens: 14, output_tokens: 8, total_tokens: 22 };
  return { id: "r", object: "response", status: "completed", model, output, usage };
}

function chatOf(model: string) {
  const message = { role: "assistant", content: TEXT };
  const choices = [{ index: 0, message, finish_reason: "stop" }];
  return { id: "c", object: "chat.completion", created: 1, model, choices, usage: CHAT_USAGE };
}

function chunksOf(model: string) {
  const common = { id: "c", object: "chat.completion.chunk", created: 1, model };
  const choice = { index: 0, delta: { role: "assistant", content: TEXT }, finish_reason: null };
  return [
    { ...common, choices: [choice] },
    { ...common, choices: [], usage: CHAT_USAGE },
  ];
}

function messageOf(model: string) {
  const usage = { input_tokens: 14, output_tokens: 8 };
  const content = [{ type: "text", text: TEXT }];
  const end = { stop_reason: "end_turn", stop_sequence: null };
  return { id: "m", type: "message", role: "assistant", model, content, ...end, usage };
}
