type Headers = Readonly<Record<string, string>>;

/** The syntax of a bearer token. It excludes spaces, line breaks and the word "Bearer" before the key. */
const TOKEN = /^[\w.~+/-]+=*$/;

/**
 * The headers of every call, with the key among them. A key that is not given is read from the environment variable
 * PURSER_KEY, unless the headers contain `authorization`. An empty key counts as absent.
 *
 * The key appears in no error message.
 *
 * @throws TypeError for a malformed key, and for a given key beside a header `authorization`.
 */
export function withEnvironmentKey(apiKey: string | undefined, headers: Headers): Headers {
  if (isPresent(apiKey) || hasAuthorization(headers)) return withKey(apiKey, headers);
  // This file is part of the program that uses it, so no main.ts can pass the environment down to it.
  return withKey(process.env["PURSER_KEY"], headers, "PURSER_KEY");
}

/** As withEnvironmentKey, but without the environment. */
export function withKey(apiKey: string | undefined, headers: Headers, name = "apiKey"): Headers {
  if (!isPresent(apiKey)) return headers;
  if (hasAuthorization(headers)) {
    throw new TypeError("apiKey: cannot be used with a header `authorization`");
  }
  if (typeof apiKey !== "string" || !TOKEN.test(apiKey)) {
    throw new TypeError(
      `${name}: must be a key such as pk_..., without spaces, line breaks or other characters`,
    );
  }
  return { ...headers, authorization: `Bearer ${apiKey}` };
}

const isPresent = (apiKey: string | undefined): boolean => apiKey !== undefined && apiKey !== "";

const hasAuthorization = (headers: Headers): boolean =>
  Object.keys(headers).some((name) => name.toLowerCase() === "authorization");
