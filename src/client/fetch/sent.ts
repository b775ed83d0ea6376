/** Error codes of Node.js and undici for connections that failed before a request was sent on them. */
const UNSENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "UND_ERR_CONNECT_TIMEOUT",
  "ERR_INVALID_URL",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_HAS_EXPIRED",
]);

const DEPTH_MAX = 10;

/** Whether the other side may have received a request that failed with this error. */
export const mayBeSent = (error: unknown): boolean => !isUnsent(error, 0);

function isUnsent(error: unknown, depth: number): boolean {
  if (!(error instanceof Error) || depth > DEPTH_MAX) return false;
  if ("code" in error && typeof error.code === "string" && UNSENT.has(error.code)) return true;
  // A name with several addresses fails with one error for each address.
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.every((each) => isUnsent(each, depth + 1));
  }
  return isUnsent(error.cause, depth + 1);
}
