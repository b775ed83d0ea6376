import { isIPv4, isIPv6 } from "node:net";
import { LRUCache } from "lru-cache";
import { Failure } from "../../domain/errors.ts";
import { type Bucket, createBucket } from "./bucket.ts";

/** How many keys that nobody has may come from one address at once, and how many more each second. */
const GUESSES_MAX = 100;
const GUESSES_PER_SECOND = 10;
/** Guesses that were made at the same time were all let through. They are paid for later, for up to a minute. */
const OWED_MAX = 60 * GUESSES_PER_SECOND;
/** Addresses that are remembered. An address that is forgotten may guess GUESSES_MAX keys again. */
const ADDRESSES_MAX = 10_000;

/**
 * Limits how many invalid keys one address may send, because each needs a look into the database. Keys that this server knows
 * are not affected, so callers behind the same address go on.
 */
export interface Guesses {
  /** @throws RATE_EXCEEDED */
  check(address: string): void;
  /** Counts an invalid key. */
  count(address: string): void;
}

export function createGuesses(nowMs: () => number): Guesses {
  const buckets = new LRUCache<string, Bucket>({ max: ADDRESSES_MAX });
  return {
    check(address) {
      const waitMs = buckets.get(networkOf(address))?.waitMs(nowMs()) ?? 0;
      if (waitMs > 0)
        throw new Failure({ reason: "RATE_EXCEEDED", invalidKeysMax: GUESSES_MAX, retryAfterMs: waitMs });
    },
    count(address) {
      const network = networkOf(address);
      let bucket = buckets.get(network);
      if (bucket === undefined) {
        bucket = createBucket({ perSecond: GUESSES_PER_SECOND, atOnce: GUESSES_MAX }, nowMs());
        buckets.set(network, bucket);
      }
      bucket.owe(nowMs(), OWED_MAX);
    },
  };
}

const GROUPS_OF_NETWORK = 4;
const MAPPED = "::ffff:";

/** An IPv4 address, or the first half of an IPv6 address, because one host may have all addresses of a /64. */
export function networkOf(address: string): string {
  if (isIPv4(address)) return address;
  const mapped = address.toLowerCase();
  // An IPv4 address on a socket that accepts both.
  if (mapped.startsWith(MAPPED) && isIPv4(mapped.slice(MAPPED.length))) return mapped.slice(MAPPED.length);
  if (!isIPv6(mapped)) return mapped;
  const [head = "", tail] = (mapped.split("%")[0] ?? "").split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 2 * GROUPS_OF_NETWORK - first.length - last.length);
  return [...first, ...Array.from({ length: zeros }, () => "0"), ...last]
    .slice(0, GROUPS_OF_NETWORK)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}
