import type { IncomingMessage } from "node:http";
import { certificateNames } from "./certificate.ts";
import type { Head } from "./pipeline.ts";

export const UNAUTHORIZED = 401;
/** The header that HTTP requires with status 401 (RFC 9110). */
export const CHALLENGE = ["www-authenticate", "Bearer"] as const;

/** What is known of a request before its body. */
export const headOf = (request: IncomingMessage): Head => ({
  isLocal: false,
  address: request.socket.remoteAddress ?? "",
  header: (name) => request.headers[name.toLowerCase()]?.toString(),
  certificate: () => certificateNames(request.socket),
});
