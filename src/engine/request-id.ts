import { randomBytes } from "node:crypto";

const RANDOM_BYTES = 10;

/**
 * A UUIDv7 (RFC 9562): for requests that bring no id. Its time is this server's, which is good enough: it only makes
 * neighbours in time neighbours in the index.
 */
export function makeRequestId(nowMs = Date.now()): string {
  const time = nowMs.toString(16).padStart(12, "0");
  const random = randomBytes(RANDOM_BYTES);
  random[0] = ((random[0] as number) & 0x0f) | 0x70;
  random[2] = ((random[2] as number) & 0x3f) | 0x80;
  const hex = time + random.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
