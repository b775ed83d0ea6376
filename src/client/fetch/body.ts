import { type JsonObject, objectAt } from "./json.ts";

export type FetchInput = string | URL | Request;

/** The body of a request as text. It consumes a stream in `init`, so `withBody` must set the text as the new body. */
export const bodyText = (input: FetchInput, init: RequestInit | undefined): Promise<string> =>
  init?.body === undefined && input instanceof Request
    ? input.clone().text()
    : new Response(init?.body ?? null).text();

/** A request's body, and whether it differs from the original. */
export interface BodyText {
  text: string;
  changed: boolean;
}

/** The request with this text as its body. Returns the same request if the body has not changed. */
export function withBody(
  input: FetchInput,
  init: RequestInit | undefined,
  { text, changed }: BodyText,
): RequestInit | undefined {
  if (!changed && !(init?.body instanceof ReadableStream)) return init;
  const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
  headers.delete("content-length");
  return { ...init, headers, body: text };
}

/** Adds a request for the usage to a streaming request. The rest of the text does not change. */
export function askForUsage(text: string, body: JsonObject): string {
  const options = body["stream_options"];
  if (options !== undefined) {
    const asking = { ...objectAt(body, "stream_options"), include_usage: true };
    return JSON.stringify({ ...body, stream_options: asking });
  }
  return text.replace("{", '{"stream_options":{"include_usage":true},');
}
