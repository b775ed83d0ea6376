import { randomUUIDv7 } from "node:crypto";

/**
 * Makes a UUIDv7 (RFC 9562) for a request that has no id. It contains this server's time instead of the database's. That is
 * enough, because the time only places ids that are made close together next to each other in the index.
 */
export const makeRequestId = (): string => randomUUIDv7();
