import { withoutTrailing } from "../../domain/text.ts";
import type { Api, WorstCase } from "./api.ts";
import { askForUsage, type BodyText, bodyText, type FetchInput, withBody } from "./body.ts";
import { objectAt, parseObject, textAt } from "./json.ts";
import { anthropicMessages } from "./providers/anthropic.ts";
import { openaiChat } from "./providers/openai-chat.ts";
import { openaiResponses } from "./providers/openai-responses.ts";
import { openaiCompletions, openaiEmbeddings } from "./providers/openai-text.ts";

/** A call to a model that must be paid. */
export interface Call extends WorstCase {
  api: Api;
  model: string;
  /** Whether the request asked for a stream. */
  streams: boolean;
  /** This client asked for the stream's usage, so the chunk with the usage is hidden from the caller. */
  hidesUsage: boolean;
  /** Later requests will fetch the answer. */
  inBackground: boolean;
}

/** The request to send, changed only to ask for a stream's usage; and the call in it, if it is one. */
export interface Outgoing {
  init: RequestInit | undefined;
  call: Call | undefined;
}

export interface ReadOptions {
  /** Whether to ask for the usage of a stream if the provider requires it. */
  streamUsage: boolean;
  onUnknown: "pass" | "refuse";
}

// The first API whose path matches is used, so longer paths come first.
const APIS: readonly Api[] = [
  openaiChat,
  openaiResponses,
  openaiCompletions,
  openaiEmbeddings,
  anthropicMessages,
];

/** Endpoints that name a model but are free. */
const FREE = /\/(?:count_tokens|input_tokens|moderations)$/;

/** Reads the call in a request. Throws TypeError if the request must not be sent because its cost is unknown. */
export async function readRequest(
  input: FetchInput,
  init: RequestInit | undefined,
  options: ReadOptions,
): Promise<Outgoing> {
  const asItCame: Outgoing = { init, call: undefined };
  const method = init?.method ?? (input instanceof Request ? input.method : "GET");
  const url = input instanceof Request ? input.url : String(input);
  if (!URL.canParse(url) || method.toUpperCase() !== "POST") return asItCame;
  const path = withoutTrailing(new URL(url).pathname, "/");
  const api = APIS.find((each) => each.path.test(path));
  if (api !== undefined) {
    const { call, text } = readBody(api, path, await bodyText(input, init), options);
    return { call, init: withBody(input, init, text) };
  }
  if (options.onUnknown === "refuse" && !FREE.test(path)) refuseModels(path, init?.body);
  return asItCame;
}

function readBody(
  api: Api,
  path: string,
  written: string,
  { streamUsage }: ReadOptions,
): { call: Call | undefined; text: BodyText } {
  const body = parseObject(written);
  if (body === undefined) {
    throw new TypeError(
      `the body of POST ${path} is not a JSON object, so its cost is unknown: it was not sent`,
    );
  }
  const asItCame = { text: written, changed: false };
  const model = textAt(body, "model") || deploymentIn(path);
  const lacks = api.needs !== undefined && body[api.needs] === undefined;
  if (model === "" || lacks) return { call: undefined, text: asItCame };
  const streams = body["stream"] === true;
  const asked = objectAt(body, "stream_options")?.["include_usage"] === true;
  const hidesUsage = streams && streamUsage && api.streamsUsageOnRequest && !asked;
  const inBackground = body["background"] === true;
  return {
    call: { ...api.worstCase(body), api, model, streams, hidesUsage, inBackground },
    text: hidesUsage ? { text: askForUsage(written, body), changed: true } : asItCame,
  };
}

/** Azure has the model in the path; the body may omit it. */
const deploymentIn = (path: string): string => /\/deployments\/([^/]+)\//.exec(path)?.[1] ?? "";

function refuseModels(path: string, body: RequestInit["body"]): void {
  const named =
    body instanceof FormData
      ? body.has("model")
      : typeof body === "string" && textAt(parseObject(body), "model") !== "";
  if (!named) return;
  throw new TypeError(`POST ${path} names a model, and budgetFetch does not know its cost: it was not sent`);
}
