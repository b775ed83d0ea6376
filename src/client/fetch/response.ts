/** The same response with another body. */
export function withBody(response: Response, body: ReadableStream<Uint8Array> | ArrayBuffer): Response {
  const { status, statusText, headers, url, redirected } = response;
  const same = new Response(body, { status, statusText, headers });
  return Object.defineProperties(same, { url: { value: url }, redirected: { value: redirected } });
}

/**
 * Passes an error of this client to the caller. A plain caller gets a thrown error. The SDKs of OpenAI and Anthropic
 * treat every error that a fetch throws as a broken connection: they retry, and then wrap it. But they pass on
 * unchanged what the Response itself throws. So they get a Response that throws the error when it is read. The header
 * x-stainless-retry-count, which they send with every request, identifies them.
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
