import type { ServiceTier } from "../usage.ts";
import { boundedMemo } from "./layer.ts";
import type { Dimension } from "./rates.ts";

/** The meaning of a field of LiteLLM's price file. */
export interface PriceField {
  readonly dimension: Dimension;
  readonly serviceTier: ServiceTier;
  /** The rate applies to requests with more input tokens than this. 0 means all requests. */
  readonly aboveInputTokens: number;
  /** If several fields price the same dimension, the field with the lowest order is used. */
  readonly order: number;
}

/** Every rate is per unit: per token, per second, per image. */
const FIELDS: readonly (readonly [name: string, dimension: Dimension])[] = [
  ["input_cost_per_token", "input"],
  ["output_cost_per_token", "output"],
  ["cache_read_input_token_cost", "cacheRead"],
  ["input_cost_per_token_cache_hit", "cacheRead"],
  ["cache_read_input_audio_token_cost", "cacheReadAudio"],
  ["cache_read_input_image_token_cost", "cacheReadImage"],
  ["cache_creation_input_token_cost", "cacheWrite"],
  ["cache_creation_input_token_cost_above_1hr", "cacheWrite1h"],
  ["output_cost_per_reasoning_token", "reasoning"],
  ["input_cost_per_audio_token", "inputAudio"],
  ["output_cost_per_audio_token", "outputAudio"],
  ["input_cost_per_image_token", "inputImage"],
  ["output_cost_per_image_token", "outputImage"],
  ["input_cost_per_character", "inputCharacters"],
  ["output_cost_per_character", "outputCharacters"],
  ["input_cost_per_second", "inputSeconds"],
  ["input_cost_per_audio_per_second", "inputSeconds"],
  ["input_cost_per_video_per_second", "inputSeconds"],
  ["output_cost_per_second", "outputSeconds"],
  ["output_cost_per_video_per_second", "outputSeconds"],
  ["output_cost_per_image", "images"],
  ["ocr_cost_per_page", "pages"],
  ["input_cost_per_request", "requests"],
  ["input_cost_per_query", "requests"],
];

/** In image models, the rates of the input price the generated image. */
const IMAGE_MODE_FIELDS: typeof FIELDS = [
  ["input_cost_per_image", "images"],
  ["input_cost_per_pixel", "pixels"],
  ["output_cost_per_pixel", "pixels"],
];
const IMAGE_MODES = new Set<unknown>(["image_generation", "image_edit"]);

const TIERS: Readonly<Record<string, ServiceTier>> = { flex: "flex", priority: "priority", batches: "batch" };

/** The suffix of a field's name: a service tier and a request length. The tier may come before or after the length. */
const SUFFIX = /^(?:_(flex|priority|batches))?(?:_above_(\d+)(k?)_tokens)?(?:_(flex|priority|batches))?$/;

type FieldReader = (name: string, mode: unknown) => PriceField | undefined;

/** Parses field names. A file has thousands of entries but only about 140 field names, so results are cached. */
export function createFieldReader(): FieldReader {
  const usual = memo(FIELDS);
  const image = memo([...FIELDS, ...IMAGE_MODE_FIELDS]);
  return (name, mode) => (IMAGE_MODES.has(mode) ? image(name) : usual(name));
}

const memo = (fields: typeof FIELDS): ((name: string) => PriceField | undefined) =>
  boundedMemo(1000, (name) => parse(fields, name));

function parse(fields: typeof FIELDS, name: string): PriceField | undefined {
  for (const [order, [field, dimension]] of fields.entries()) {
    const suffix = name.startsWith(field) ? SUFFIX.exec(name.slice(field.length)) : null;
    if (suffix === null) continue;
    const [, before, length = "0", thousands, after] = suffix;
    const serviceTier = TIERS[before ?? after ?? ""] ?? "standard";
    return {
      dimension,
      serviceTier,
      aboveInputTokens: Number(length) * (thousands === "k" ? 1000 : 1),
      order,
    };
  }
  return undefined;
}
