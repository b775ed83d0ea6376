import { randomUUIDv7 } from "node:crypto";

/**
 * A UUIDv7 (RFC 9562): for requests that bring no id. Its time is this server's, which is good enough: it only makes
 * neighbours in time neighbours in the index.
 */
export const makeRequestId = (): string => randomUUIDv7();
