import { isObject, type Json } from "../json.ts";
import type { Usage } from "../usage.ts";
import { type At, below, countAt, numberAt, objectsOf, textOf } from "./fields.ts";
import { type Reading, type Shape, withoutOverlap } from "./shape.ts";

/** OpenAI's generated and edited images, billed by token (gpt-image) or by the image (DALL-E). */
export const openaiImages: Shape<"openai.images"> = {
  name: "openai.images",
  recognizes: (json) => (isImages(json) && !isChatUsage(json["usage"])) || isImageEvent(json),
  read(at) {
    const usage = isObject(at.json["usage"]) ? readImageTokens(below(at, "usage")) : readImages(at.json);
    return { model: textOf(at.json["model"]), usage: { ...usage, requests: 1 } };
  },
};

const isImages = (json: Json): boolean =>
  objectsOf(json["data"]).some((item) => item["url"] !== undefined || item["b64_json"] !== undefined);

const isImageEvent = (json: Json): boolean =>
  (json["type"] === "image_generation.completed" || json["type"] === "image_edit.completed") &&
  isObject(json["usage"]);

const isChatUsage = (usage: unknown): boolean => isObject(usage) && usage["prompt_tokens"] !== undefined;

function readImageTokens(usage: At): Usage {
  const details = below(usage, "input_tokens_details");
  const inputTokens = countAt(usage, "input_tokens") ?? 0;
  const outputTokens = countAt(usage, "output_tokens") ?? 0;
  const cacheReadTokens = countAt(details, "cached_tokens") ?? 0;
  const image = countAt(details, "image_tokens") ?? 0;
  const text = countAt(below(usage, "output_tokens_details"), "text_tokens") ?? 0;
  return {
    inputTokens,
    outputTokens,
    cacheReadTokens,
    inputImageTokens: withoutOverlap(image, cacheReadTokens, inputTokens),
    outputImageTokens: withoutOverlap(outputTokens, text, outputTokens),
  };
}

function readImages(json: Json): Usage {
  const images = objectsOf(json["data"]).length;
  const [, width, height] = /^(\d{1,6})x(\d{1,6})$/.exec(textOf(json["size"]) ?? "") ?? [];
  return width === undefined || height === undefined
    ? { images }
    : { images, pixels: images * Number(width) * Number(height) };
}

/** OpenAI's audio: transcriptions and translations (whole, or the last event of a stream), and streamed speech. */
export const openaiAudio: Shape<"openai.audio"> = {
  name: "openai.audio",
  recognizes: (json) => isSpeechEnd(json) || isTranscript(json),
  read(at) {
    const usage = isSpeechEnd(at.json) ? readSpeech(below(at, "usage")) : readTranscript(at);
    return { model: textOf(at.json["model"]), usage: { ...usage, requests: 1 } } satisfies Reading;
  },
};

const isSpeechEnd = (json: Json): boolean => json["type"] === "speech.audio.done" && isObject(json["usage"]);

function isTranscript(json: Json): boolean {
  if (typeof json["text"] !== "string") return false;
  const usage = json["usage"];
  if (!isObject(usage)) return json["duration"] !== undefined;
  return (
    usage["type"] === "duration" || usage["type"] === "tokens" || usage["input_token_details"] !== undefined
  );
}

function readSpeech(usage: At): Usage {
  const outputTokens = countAt(usage, "output_tokens") ?? 0;
  return { inputTokens: countAt(usage, "input_tokens") ?? 0, outputTokens, outputAudioTokens: outputTokens };
}

/**
 * Whisper is billed by the second, and responses give the billed seconds. Older responses give only the audio's length.
 */
function readTranscript(at: At): Usage {
  const usage = below(at, "usage");
  if (usage.json["type"] === "duration") return { inputSeconds: numberAt(usage, "seconds") ?? 0 };
  if (!isObject(at.json["usage"])) return { inputSeconds: numberAt(at, "duration") ?? 0 };
  const inputTokens = countAt(usage, "input_tokens") ?? 0;
  const audio = countAt(below(usage, "input_token_details"), "audio_tokens") ?? 0;
  return {
    inputTokens,
    inputAudioTokens: withoutOverlap(audio, 0, inputTokens),
    outputTokens: countAt(usage, "output_tokens") ?? 0,
  };
}
