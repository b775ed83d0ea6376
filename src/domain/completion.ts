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

// The first form that recognizes a response reads it, so the forms with the most distinctive fields come first.
const SHAPES = [
  googleGenerate,
  bedrockConverse,
  openaiAudio,
  openaiChat,
  openaiImages,
  anthropicMessages,
  openaiResponses,
] as const;

/** The form of a response, for example "anthropic.messages". */
export type CompletionShape = (typeof SHAPES)[number]["name"];

export interface Completion extends Reading {
  shape: CompletionShape;
}

const PATH = "completion";

/**
 * Reads the usage from a provider's unchanged JSON response. `completion/` has the forms. The usage follows the rules
 * of `Usage`, whatever the provider's own way of counting. `model` is undefined if the response does not name the
 * model.
 *
 * Throws INVALID_FIELD. The field is `completion` if the value is not an object; `completion.usage` if the usage is
 * missing or its form is unknown; and the path of a count (for example `completion.usage.prompt_tokens`) that is not an
 * integer from 0 to 2^53-1.
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
      "is missing; for a streamed response, send the last chunk, which has the usage",
    );
  }
  return invalidField(
    `${PATH}.usage`,
    "has an unknown form; send `usage` with the model and the counts instead",
  );
}
