import type { Encoding } from "./ranks.ts";

/** Families of models that were trained on o200k_base; the source is OpenAI's own list in tiktoken. */
const O200K =
  /^(?:ft:)?(?:gpt-4o|gpt-4\.1|gpt-4\.5|gpt-[5-9]|gpt-oss|chatgpt-4o|o\d|codex-mini|computer-use)/;

/**
 * The encoding by which a model's tokens are counted: o200k_base for gpt-4o, gpt-4.1, gpt-5 and later, and the o-series,
 * with any provider in front of the name; cl100k_base for every other. Models that are not OpenAI's have tokenizers of
 * their own, so for them the count is an estimate.
 */
export function encodingFor(model: string): Encoding {
  const name = model.trim().toLowerCase();
  const own = name.slice(name.lastIndexOf("/") + 1).replace(/^(?:[a-z-]+\.)*openai\./, "");
  return O200K.test(own) ? "o200k_base" : "cl100k_base";
}
