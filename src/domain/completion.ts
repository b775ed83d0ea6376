import { anthropicMessages } from "./completion/anthropic.ts";
import { bedrockConverse } from "./completion/bedrock.ts";
import { googleGenerate } from "./completion/google.ts";
import { openaiChat } from "./completion/openai-chat.ts";
import { openaiAudio, openaiImages } from "./completion/openai-media.ts";
import { openaiResponses } from "./completion/openai-responses.ts";
import type { Reading } from "./completion/shape.ts";
import { Failure, invalidField } from "./errors.ts";
import { isObject, type Json } from "./json.ts";
import { checkUsage } from "./usage.ts";

// The first that recognizes a response reads it, so the forms with the plainest marks come first.
const SHAPES = [
  googleGenerate,
  bedrockConverse,
  openaiAudio,
  openaiChat,
  openaiImages,
  anthropicMessages,
  openaiResponses,
] as const;

/** The form that a response was in, as in "anthropic.messages". */
export type CompletionShape = (typeof SHAPES)[number]["name"];

export interface Completion extends Reading {
  shape: CompletionShape;
}

const PATH = "completion";

/**
 * Reads what a provider's JSON response, unchanged, says was used: see `completion/` for the forms. The usage keeps to
 * the rules of `Usage` whatever the provider's own way of counting. `model` is undefined where the response does not name
 * it. Throws INVALID_FIELD: `completion` where it is no object, `completion.usage` where it has no usage or is of no
 * known form, and the path of a count (as in `completion.usage.prompt_tokens`) that is no integer from 0 to 2^53-1.
 */
export function readCompletion(json: unknown): Completion {
  if (!isObject(json)) throw invalidField(PATH, "must be the JSON object that the provider returned");
  const shape = SHAPES.find((candidate) => candidate.recognizes(json));
  if (shape === undefined) throw notReadable(json);
  const reading = shape.read({ json, path: PATH });
  const error = checkUsage(reading.usage, `${PATH}.usage`);
  if (error !== undefined) throw new Failure(error);
  return { ...reading, shape: shape.name };
}

function notReadable(json: Json): Failure {
  const usage = json["usage"];
  if (usage === undefined || usage === null) {
    return invalidField(
      `${PATH}.usage`,
      "is missing; of a streamed answer, send the last chunk, the one with the usage",
    );
  }
  return invalidField(
    `${PATH}.usage`,
    "is of no known form; send `usage` with the model and the counts instead",
  );
}
