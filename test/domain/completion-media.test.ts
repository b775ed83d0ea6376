import { once, type Row, readsRows } from "./completion-rows.ts";

const IMAGES: readonly Row[] = [
  ["one image without a size", { data: [{ url: "u" }] }, ["openai.images", { images: 1, ...once }]],
  [
    "images of a size, and items that are no images",
    { data: [{ b64_json: "" }, { b64_json: "" }, 3], size: "1024x1792", model: "dall-e-3" },
    ["openai.images", { images: 2, pixels: 2 * 1024 * 1792, model: "dall-e-3", ...once }],
  ],
  [
    "a size that is a word",
    { data: [{ url: "u" }], size: "auto" },
    ["openai.images", { images: 1, ...once }],
  ],
  [
    "a size that is too long",
    { data: [{ url: "u" }], size: "1024x1234567" },
    ["openai.images", { images: 1, ...once }],
  ],
  [
    "a size that is too wide",
    { data: [{ url: "u" }], size: "1234567x1024" },
    ["openai.images", { images: 1, ...once }],
  ],
  [
    "tokens of images",
    {
      data: [{ b64_json: "" }],
      usage: {
        input_tokens: 50,
        output_tokens: 100,
        input_tokens_details: { image_tokens: 40, cached_tokens: 20 },
        output_tokens_details: { text_tokens: 30 },
      },
    },
    [
      "openai.images",
      {
        inputTokens: 50,
        outputTokens: 100,
        cacheReadTokens: 20,
        inputImageTokens: 30,
        outputImageTokens: 70,
        ...once,
      },
    ],
  ],
  [
    "the end of a stream of an image",
    { type: "image_generation.completed", usage: { input_tokens: 5, output_tokens: 7 } },
    ["openai.images", { inputTokens: 5, outputTokens: 7, outputImageTokens: 7, ...once }],
  ],
  [
    "the end of a stream of an edited image",
    { type: "image_edit.completed", usage: { input_tokens: 5, output_tokens: 7 } },
    ["openai.images", { inputTokens: 5, outputTokens: 7, outputImageTokens: 7, ...once }],
  ],
  [
    "another event with a usage",
    { type: "image_edit.partial", usage: { output_tokens: 7 } },
    "completion.usage",
  ],
  ["no items", { data: [] }, "completion.usage"],
];

const AUDIO: readonly Row[] = [
  [
    "seconds of a transcript",
    { text: "t", usage: { type: "duration", seconds: 13 } },
    ["openai.audio", { inputSeconds: 13, ...once }],
  ],
  ["no seconds", { text: "t", usage: { type: "duration" } }, ["openai.audio", once]],
  [
    "the length of the audio, as a number or as text",
    { text: "t", duration: "12.34" },
    ["openai.audio", { inputSeconds: 12.34, ...once }],
  ],
  [
    "tokens of a transcript",
    {
      text: "t",
      model: "w",
      usage: { type: "tokens", input_tokens: 9, output_tokens: 4, input_token_details: { audio_tokens: 8 } },
    },
    ["openai.audio", { model: "w", inputTokens: 9, inputAudioTokens: 8, outputTokens: 4, ...once }],
  ],
  [
    "tokens without a type, by their details, at most all of them audio",
    { text: "t", usage: { input_tokens: 9, output_tokens: 4, input_token_details: { audio_tokens: 10 } } },
    ["openai.audio", { inputTokens: 9, inputAudioTokens: 9, outputTokens: 4, ...once }],
  ],
  [
    "the end of a stream of speech",
    { type: "speech.audio.done", usage: { input_tokens: 3, output_tokens: 8 } },
    ["openai.audio", { inputTokens: 3, outputTokens: 8, outputAudioTokens: 8, ...once }],
  ],
  ["a text alone", { text: "t" }, "completion.usage"],
  [
    "the longest audio",
    { text: "t", duration: Number.MAX_SAFE_INTEGER },
    ["openai.audio", { inputSeconds: Number.MAX_SAFE_INTEGER, ...once }],
  ],
  ["a negative length", { text: "t", duration: -1 }, "completion.duration"],
  ["a length in words", { text: "t", duration: "12s" }, "completion.duration"],
  ["a length beyond 2^53-1", { text: "t", duration: 2 ** 53 }, "completion.duration"],
];

readsRows("OpenAI's images", IMAGES);
readsRows("OpenAI's audio", AUDIO);
