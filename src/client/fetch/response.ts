/** The same response with another body. */
export function withBody(response: Response, body: ReadableStream<Uint8Array> | ArrayBuffer): Response {
  const { status, statusText, headers, url, redirected } = response;
  const same = new Response(body, { status, statusText, headers });
  return Object.defineProperties(same, { url: { value: url }, redirected: { value: redirected } });
}

/**
 * How an error of ours reaches the caller. A fetch throws it. The SDKs of OpenAI and Anthropic take whatever a fetch
 * throws for a broken connection: they wait, try again, and wrap it in the end. What a Response throws when they look at
 * it, they let through as it is, at once. They are known by a header that they send with every request.
 */
export function refuse(error: Error, headers: Headers): Response {
  if (!headers.has("x-stainless-retry-count")) throw error;
  const fail = (): never => {
    throw error;
  };
  const look = { get: fail };
  return Object.defineProperties(new Response(null), {
    headers: look,
    ok: look,
    status: look,
    statusText: look,
    json: { value: fail },
    text: { value: fail },
  });
}
