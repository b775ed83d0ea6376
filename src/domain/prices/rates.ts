import type { Fraction } from "../decimal.ts";
import type { ServiceTier } from "../usage.ts";

/**
 * The dimensions that can be billed. Each is an amount of a usage, and no two overlap: `input` is inputTokens without
 * its parts, `output` is outputTokens without its parts.
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

/** The unit of each dimension, for people, in the order of the lines of a bill. */
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

/** The unit in which a dimension is counted. */
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

/**
 * A rate that depends on the length of the request. The last step whose `above` is less than the total of input tokens
 * prices every unit of the request, not only the units above the step.
 */
export interface SteppedRate {
  /** Absent if a source gives a rate for long requests only. */
  readonly base?: Rate | undefined;
  /** Ascending. */
  readonly steps?: readonly { readonly above: number; readonly rate: Rate }[] | undefined;
}

export type RateTable = Partial<Record<Dimension, SteppedRate>>;

/** All rates of a model at one moment. */
export interface ModelRates extends Partial<Record<Exclude<ServiceTier, "standard">, RateTable>> {
  readonly standard: RateTable;
  /** Shorter input is billed as this many seconds, as Groq bills Whisper. */
  readonly inputSecondsMin?: number | undefined;
  /** Notes on these rates by dimension, for example which of three search prices was used. */
  readonly notes?: Partial<Record<Dimension, string>> | undefined;
}

/** A rate and the `above` of the step that it came from. 0 is the base. */
export interface RateAtLength {
  readonly rate: Rate;
  readonly above: number;
}

/** The rate for a request with this total of input tokens. */
export function rateFor(stepped: SteppedRate | undefined, inputTokens: number): RateAtLength | undefined {
  let found = stepped?.base && { rate: stepped.base, above: 0 };
  for (const step of stepped?.steps ?? []) if (inputTokens > step.above) found = step;
  return found;
}
