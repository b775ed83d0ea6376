import { type JsonObject, objectAt } from "./json.ts";

export type FetchInput = string | URL | Request;

/** The body of a request as text. A stream given in `init` is read up: `withBody` puts the text in its place. */
export const bodyText = (input: FetchInput, init: RequestInit | undefined): Promise<string> =>
  init?.body === undefined && input instanceof Request
    ? input.clone().text()
    : new Response(init?.body ?? null).text();

/** A request's body, and whether it is another than the one that came. */
export interface BodyText {
  text: string;
  changed: boolean;
}

/** The request with this text as its body; the very same one where the text is what it has already. */
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

/** A request for a stream that asks for its usage too. Everything else of it stays as it was written. */
export function askForUsage(text: string, body: JsonObject): string {
  const options = body["stream_options"];
  if (options !== undefined) {
    const asking = { ...objectAt(body, "stream_options"), include_usage: true };
    return JSON.stringify({ ...body, stream_options: asking });
  }
  return text.replace("{", '{"stream_options":{"include_usage":true},');
}
