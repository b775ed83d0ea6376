import type { Encoding } from "./ranks.ts";

/** Families of models that use o200k_base. Source: OpenAI's list in tiktoken. */
const O200K =
  /^(?:ft:)?(?:gpt-4o|gpt-4\.1|gpt-4\.5|gpt-[5-9]|gpt-oss|chatgpt-4o|o\d|codex-mini|computer-use)/;

/**
 * The encoding for counting a model's tokens: o200k_base for gpt-4o, gpt-4.1, gpt-5 and later, and the o-series, with
 * or without a provider prefix; cl100k_base for all others. Models of other makers have their own tokenizers, so their
 * count is an estimate.
 */
export function encodingFor(model: string): Encoding {
  const name = model.trim().toLowerCase();
  const own = name.slice(name.lastIndexOf("/") + 1).replace(/^(?:[a-z-]+\.)*openai\./, "");
  return O200K.test(own) ? "o200k_base" : "cl100k_base";
}
