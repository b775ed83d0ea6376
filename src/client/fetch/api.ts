import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CallEstimateSchema } from "../../../gen/es/budget/v1/budget_service_pb.ts";
import { isObject, type JsonObject, listAt, pick } from "./json.ts";
import { textOf } from "./prompt.ts";

export type Estimate = MessageInitShape<typeof CallEstimateSchema>;

/** The maximum cost of a request: its estimate, with the output counted `answers` times. */
export interface WorstCase {
  estimate: Estimate;
  answers: number;
}

/** The usage known from an answer, complete or cut off. */
export interface Known {
  /** The response (for a stream, its last event) without the written texts. Undefined if it had no usage. */
  completion: JsonObject | undefined;
  /** The output received, to be counted if `completion` does not count it. */
  output: string;
  /** Builds a completion from the usage received before a stream was cut off, with a count of the output so far. */
  withOutputTokens: ((counted: number) => JsonObject) | undefined;
}

/** Reads the events of a stream. */
export interface StreamReader {
  /** @returns Whether the event contains nothing but the usage. */
  read(event: JsonObject): boolean;
  known(): Known;
}

/** One endpoint of LLM providers: how to read its requests and answers. */
export interface Api {
  /** Matches the end of the URL's path. */
  path: RegExp;
  /** A body field, besides the model, that a request to this endpoint must have. */
  needs?: string;
  worstCase(body: JsonObject): WorstCase;
  readStream(): StreamReader;
  /** Whether a stream contains its usage only if `stream_options.include_usage` asks for it. */
  streamsUsageOnRequest: boolean;
}

/** The maximum output that the server counts in one call. It is more than a model writes. */
export const OUTPUT_CHARACTERS_MAX = 1024 * 1024;

const BILLED = ["id", "object", "type", "model", "usage", "service_tier", "x_groq"];

/** The fields of a response that describe the usage. The written texts do not have to leave the process. */
export function billed(response: JsonObject): JsonObject {
  const searches = listAt(response, "output")
    .filter(isObject)
    .filter((item) => item["type"] === "web_search_call")
    .map((item) => pick(item, ["type", "action"]));
  return { ...pick(response, BILLED), ...(searches.length === 0 ? {} : { output: searches }) };
}

/** The usage known from a complete answer. If its usage cannot be read, its text is counted. */
export const knownOf = (response: JsonObject): Known => ({
  completion: billed(response),
  output: textOf(pick(response, ["choices", "content", "output"])).slice(0, OUTPUT_CHARACTERS_MAX),
  withOutputTokens: undefined,
});

/** The usage known if a call was sent and never answered. */
export const NOTHING_KNOWN: Known = { completion: undefined, output: "", withOutputTokens: undefined };
