import { withoutTrailing } from "../../domain/text.ts";
import type { Api, WorstCase } from "./api.ts";
import { askForUsage, type BodyText, bodyText, type FetchInput, withBody } from "./body.ts";
import { objectAt, parseObject, textAt } from "./json.ts";
import { anthropicMessages } from "./providers/anthropic.ts";
import { openaiChat } from "./providers/openai-chat.ts";
import { openaiResponses } from "./providers/openai-responses.ts";
import { openaiCompletions, openaiEmbeddings } from "./providers/openai-text.ts";

/** A call of a model that is to be paid. */
export interface Call extends WorstCase {
  api: Api;
  model: string;
  /** Whether the answer was asked for as a stream. */
  streams: boolean;
  /** The stream's usage was asked for here, and its chunk is none of the caller's business. */
  hidesUsage: boolean;
  /** The answer is fetched later, by other requests. */
  inBackground: boolean;
}

/** What to send, as it came but for the question for a stream's usage; and the call that it is, if it is one. */
export interface Outgoing {
  init: RequestInit | undefined;
  call: Call | undefined;
}

export interface ReadOptions {
  /** Whether to ask for the usage of a stream where that is needed. */
  streamUsage: boolean;
  onUnknown: "pass" | "refuse";
}

// The first whose path fits is it, so longer paths come first.
const APIS: readonly Api[] = [
  openaiChat,
  openaiResponses,
  openaiCompletions,
  openaiEmbeddings,
  anthropicMessages,
];

/** Endpoints that name a model and cost nothing. */
const FREE = /\/(?:count_tokens|input_tokens|moderations)$/;

/** Reads what a request asks of a model. Throws a TypeError for one that must not be sent, as its cost cannot be known. */
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
      `the body of POST ${path} is no JSON object, so its cost cannot be known: it was not sent`,
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

/** Azure names the model in the path, and need not in the body. */
const deploymentIn = (path: string): string => /\/deployments\/([^/]+)\//.exec(path)?.[1] ?? "";

function refuseModels(path: string, body: RequestInit["body"]): void {
  const named =
    body instanceof FormData
      ? body.has("model")
      : typeof body === "string" && textAt(parseObject(body), "model") !== "";
  if (!named) return;
  throw new TypeError(`POST ${path} names a model, and budgetFetch does not know its cost: it was not sent`);
}
