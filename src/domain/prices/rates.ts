import type { Fraction } from "../decimal.ts";
import type { ServiceTier } from "../usage.ts";

/**
 * What can be billed. Each names an amount of a usage that overlaps no other: `input` is the input that is in none of
 * the parts of inputTokens, `output` likewise.
 */
export type Dimension =
  | "input"
  | "output"
  | "cacheRead"
  | "cacheReadAudio"
  | "cacheReadImage"
  | "cacheWrite"
  | "cacheWrite1h"
  | "reasoning"
  | "inputAudio"
  | "outputAudio"
  | "inputImage"
  | "outputImage"
  | "inputCharacters"
  | "outputCharacters"
  | "inputSeconds"
  | "outputSeconds"
  | "images"
  | "pixels"
  | "pages"
  | "searchQueries"
  | "requests";

/** What one unit of each dimension is, for people; in the order of a bill. */
const UNIT_LIST = [
  ["input", "tokens"],
  ["cacheRead", "tokens"],
  ["cacheReadAudio", "tokens"],
  ["cacheReadImage", "tokens"],
  ["cacheWrite", "tokens"],
  ["cacheWrite1h", "tokens"],
  ["inputAudio", "tokens"],
  ["inputImage", "tokens"],
  ["output", "tokens"],
  ["reasoning", "tokens"],
  ["outputAudio", "tokens"],
  ["outputImage", "tokens"],
  ["inputCharacters", "characters"],
  ["outputCharacters", "characters"],
  ["inputSeconds", "seconds"],
  ["outputSeconds", "seconds"],
  ["images", "images"],
  ["pixels", "pixels"],
  ["pages", "pages"],
  ["searchQueries", "queries"],
  ["requests", "requests"],
] as const satisfies readonly (readonly [Dimension, string])[];

export const DIMENSIONS: readonly Dimension[] = UNIT_LIST.map(([dimension]) => dimension);

/** What a dimension is counted in. */
export type Unit = (typeof UNIT_LIST)[number][1];

const UNITS = Object.fromEntries(UNIT_LIST) as Readonly<Record<Dimension, Unit>>;

export const unitOf = (dimension: Dimension): Unit => UNITS[dimension];

export const isDimension = (text: string): text is Dimension => new Set<string>(DIMENSIONS).has(text);

/** `usd` for every `per` units. */
export interface Rate {
  readonly usd: Fraction;
  /** A positive integer. */
  readonly per: number;
}

/** A rate that depends on how long the whole request is: the last step whose `above` is exceeded by the total of
 * input tokens prices every unit of the request, not only those above it. */
export interface SteppedRate {
  /** Absent where a source gives a rate for long requests only. */
  readonly base?: Rate | undefined;
  /** Ascending. */
  readonly steps?: readonly { readonly above: number; readonly rate: Rate }[] | undefined;
}

export type RateTable = Partial<Record<Dimension, SteppedRate>>;

/** All that is known of a model's price at one moment. */
export interface ModelRates extends Partial<Record<Exclude<ServiceTier, "standard">, RateTable>> {
  readonly standard: RateTable;
  /** Shorter input is billed as this many seconds, as Groq does for Whisper. */
  readonly inputSecondsMin?: number | undefined;
  /** What a reader of these rates should know, such as which of three search prices was taken. By dimension. */
  readonly notes?: Partial<Record<Dimension, string>> | undefined;
}

/** A rate, and the step of length that it came from: 0 for the base. */
export interface RateAtLength {
  readonly rate: Rate;
  readonly above: number;
}

/** The rate for a request with this many input tokens in all. */
export function rateFor(stepped: SteppedRate | undefined, inputTokens: number): RateAtLength | undefined {
  let found = stepped?.base && { rate: stepped.base, above: 0 };
  for (const step of stepped?.steps ?? []) if (inputTokens > step.above) found = step;
  return found;
}
