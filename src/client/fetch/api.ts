import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CallEstimateSchema } from "../../../gen/es/budget/v1/budget_service_pb.ts";
import { isObject, type JsonObject, listAt, pick } from "./json.ts";
import { textOf } from "./prompt.ts";

export type Estimate = MessageInitShape<typeof CallEstimateSchema>;

/** What a request can cost at worst: the estimate, whose output comes up to `answers` times. */
export interface WorstCase {
  estimate: Estimate;
  answers: number;
}

/** What is known of an answer, whole or cut off. */
export interface Known {
  /** The response, or of a stream its last event, without what people or models wrote; undefined where no usage came. */
  completion: JsonObject | undefined;
  /** The output that was seen, to count where `completion` has no count of it. */
  output: string;
  /** What came of the usage before the stream was cut: the same form, with the output counted so far. */
  withOutputTokens: ((counted: number) => JsonObject) | undefined;
}

/** Follows the events of a stream. */
export interface StreamReader {
  /** @returns Whether the event says nothing but the usage. */
  read(event: JsonObject): boolean;
  known(): Known;
}

/** One endpoint of LLM providers, and how its requests and answers are read. */
export interface Api {
  /** Matches the end of the URL's path. */
  path: RegExp;
  /** What must be in the body beside the model for it to be this endpoint's. */
  needs?: string;
  worstCase(body: JsonObject): WorstCase;
  readStream(): StreamReader;
  /** Whether a stream has its usage only where `stream_options.include_usage` asks for it. */
  streamsUsageOnRequest: boolean;
}

/** As much output as the server counts at once, and more than a model writes. */
export const OUTPUT_CHARACTERS_MAX = 1024 * 1024;

const BILLED = ["id", "object", "type", "model", "usage", "service_tier", "x_groq"];

/** A response as far as it says what was used: what was written need not leave the process. */
export function billed(response: JsonObject): JsonObject {
  const searches = listAt(response, "output")
    .filter(isObject)
    .filter((item) => item["type"] === "web_search_call")
    .map((item) => pick(item, ["type", "action"]));
  return { ...pick(response, BILLED), ...(searches.length === 0 ? {} : { output: searches }) };
}

/** A whole answer. Where its usage cannot be read, what it says is counted. */
export const knownOf = (response: JsonObject): Known => ({
  completion: billed(response),
  output: textOf(pick(response, ["choices", "content", "output"])).slice(0, OUTPUT_CHARACTERS_MAX),
  withOutputTokens: undefined,
});

/** Of a call that was sent and never answered. */
export const NOTHING_KNOWN: Known = { completion: undefined, output: "", withOutputTokens: undefined };
