import { invalidField } from "../errors.ts";
import { encodingFor } from "./encoding.ts";
import { imageTokens } from "./image.ts";
import { objectAt, textAt } from "./json.ts";
import type { Encoding } from "./ranks.ts";
import { countText } from "./text.ts";
import { type CountText, countTools } from "./tools.ts";

/** The tokens that OpenAI adds to the text: for each message, for a name, and for the start of the reply. */
const MESSAGE_TOKENS = 3;
const NAME_TOKENS = 1;
const REPLY_TOKENS = 3;
/** A tool call is encoded like a message of its own. */
const TOOL_CALL_TOKENS = 3;

/** The parts of a chat's token count: the tokens of its format, and the texts, which may be counted elsewhere. */
export interface ChatTexts {
  encoding: Encoding;
  formTokens: number;
  texts: string[];
}

/**
 * The prompt tokens of a chat, as OpenAI bills them: 3 for each message, 1 for each name, 3 for the reply, and the
 * tokens of roles, names, texts, tool calls and tool definitions. Images are counted by `imageTokens`. `messages` and
 * `tools` are the JSON of OpenAI's chat completions. Throws INVALID_FIELD with the path (for example
 * `messages[3].content`) if a message does not have that form, or has a part that cannot be counted without downloading
 * it.
 */
export function countChat(
  encodingOrModel: string,
  messages: readonly unknown[],
  tools?: readonly unknown[],
): number {
  const { encoding, formTokens, texts } = chatTexts(encodingOrModel, messages, tools);
  return texts.reduce((tokens, text) => tokens + countText(encoding, text), formTokens);
}

/** The texts of a chat, and the tokens of its format. Throws the same errors as `countChat`. */
export function chatTexts(
  encodingOrModel: string,
  messages: readonly unknown[],
  tools?: readonly unknown[],
): ChatTexts {
  const encoding = encodingOf(encodingOrModel);
  const texts: string[] = [];
  const count: CountText = (text) => {
    if (text !== "") texts.push(text);
    return 0;
  };
  let formTokens = REPLY_TOKENS + countTools(count, encoding, tools ?? []);
  for (const [index, message] of messages.entries())
    formTokens += countMessage(count, message, `messages[${index}]`);
  return { encoding, formTokens, texts };
}

const encodingOf = (name: string): Encoding =>
  name === "o200k_base" || name === "cl100k_base" ? name : encodingFor(name);

function countMessage(count: CountText, message: unknown, path: string): number {
  const fields = objectAt(message, path);
  const role = textAt(fields["role"], `${path}.role`);
  let tokens = MESSAGE_TOKENS + count(role) + countContent(count, fields["content"], `${path}.content`);
  if (isPresent(fields["name"])) tokens += NAME_TOKENS + count(textAt(fields["name"], `${path}.name`));
  if (isPresent(fields["refusal"])) tokens += count(textAt(fields["refusal"], `${path}.refusal`));
  if (isPresent(fields["function_call"])) {
    tokens += countCall(count, fields["function_call"], `${path}.function_call`);
  }
  if (isPresent(fields["tool_calls"]))
    tokens += countToolCalls(count, fields["tool_calls"], `${path}.tool_calls`);
  return tokens;
}

function countContent(count: CountText, content: unknown, path: string): number {
  if (!isPresent(content)) return 0;
  if (typeof content === "string") return count(content);
  if (!Array.isArray(content)) throw invalidField(path, "must be a string, a list of content parts, or null");
  let tokens = 0;
  for (const [index, part] of content.entries()) tokens += countPart(count, part, `${path}[${index}]`);
  return tokens;
}

function countPart(count: CountText, part: unknown, path: string): number {
  const fields = objectAt(part, path);
  const type = fields["type"];
  switch (type) {
    case "text":
    case "input_text":
    case "output_text":
      return count(textAt(fields["text"], `${path}.text`));
    case "refusal":
      return count(textAt(fields["refusal"], `${path}.refusal`));
    case "image_url":
    case "input_image":
      return imageTokens(fields, path);
    default:
      throw invalidField(`${path}.type`, "must be text, refusal or image_url: no other part can be counted");
  }
}

function countToolCalls(count: CountText, calls: unknown, path: string): number {
  if (!Array.isArray(calls)) throw invalidField(path, "must be a list");
  let tokens = 0;
  for (const [index, call] of calls.entries()) {
    const at = `${path}[${index}]`;
    const { function: fn, custom } = objectAt(call, at);
    tokens += isPresent(custom)
      ? countCall(count, custom, `${at}.custom`)
      : countCall(count, fn, `${at}.function`);
  }
  return tokens;
}

/** Counts the name and the arguments of a call. The arguments are JSON text already, as the model sees them. */
function countCall(count: CountText, call: unknown, path: string): number {
  const fields = objectAt(call, path);
  const name = count(textAt(fields["name"], `${path}.name`));
  const key = isPresent(fields["input"]) ? "input" : "arguments";
  const input = isPresent(fields[key]) ? count(textAt(fields[key], `${path}.${key}`)) : 0;
  return TOOL_CALL_TOKENS + name + input;
}

const isPresent = (value: unknown): boolean => value !== undefined && value !== null;
