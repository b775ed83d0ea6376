import { LRUCache } from "lru-cache";
import { isUsable, type Key } from "../../domain/key.ts";
import type { InstantUs } from "../../domain/period.ts";
import { createGroups } from "../../engine/groups.ts";
import { findKeys, hasKeys, hourOf, type KeyName, noteUse } from "../../store/keys.ts";
import type { Store } from "../../store/store.ts";
import { type Caller, callerWith } from "../caller.ts";
import { createKeyLimits, type KeyLimits } from "./key-limits.ts";

/** A key that this server has read. */
export interface KnownKey {
  readonly caller: Caller;
  readonly limits: KeyLimits;
  /** Whether the key works now. */
  isUsable(): boolean;
}

/** The keys that callers of this server use, as they were in the database a moment ago. */
export interface KeyRing {
  /**
   * The key with this hash, at most STALE_MS old. It is a promise when the key has to be read.
   *
   * @throws STORE_UNAVAILABLE
   */
  find(secretHash: string): KnownKey | undefined | Promise<KnownKey | undefined>;
  /** Whether this server has read the key before. */
  isKnown(secretHash: string): boolean;
  /** Whether there is any key. @throws STORE_UNAVAILABLE */
  hasKeys(): boolean | Promise<boolean>;
  /** Forgets what was read, because this server has changed keys. */
  changed(): void;
}

/** A key that is older than this is read again, while callers go on with it. */
const REFRESH_MS = 1_000;
/** A key that is older than this is not used before it was read again. So a revoked key works for less than 5 seconds. */
const STALE_MS = 3_000;
const KEYS_MAX = 20_000;
/** Hashes that one statement looks up. */
const HASHES_MAX = 1000;
const IN_FLIGHT_MAX = 2;
/** Keys that nobody has and that are remembered, because a caller often tries the same one again. */
const UNKNOWN_MAX = 1000;

export function createKeyRing(store: Store, nowMs: () => number): KeyRing {
  const known = new LRUCache<string, Entry>({ max: KEYS_MAX });
  const unknown = new LRUCache<string, true>({ max: UNKNOWN_MAX });
  const uses = createUses(store);
  const reads = createGroups<string, Found>({
    itemsMax: HASHES_MAX,
    inFlightMax: IN_FLIGHT_MAX,
    async work(hashes) {
      const { keys, nowUs } = await store.read((connection) => findKeys(connection, [...new Set(hashes)]));
      return hashes.map((hash) => ({ key: keys.get(hash), nowUs }));
    },
  });
  let existence: Existence | undefined;
  /** Changes of keys by this server. What was asked before a change may not know of it. */
  let changes = 0;

  const read = async (hash: string): Promise<KnownKey | undefined> => {
    const asked = { ms: nowMs(), changes };
    const { key, nowUs } = await reads.submit(hash);
    if (key === undefined) {
      known.delete(hash);
      unknown.set(hash, true);
      return undefined;
    }
    const entry = known.get(hash) ?? new Entry(key, nowMs);
    entry.update(key, nowUs, asked.ms);
    if (asked.changes !== changes) entry.outdate();
    known.set(hash, entry);
    if (entry.isUsable()) uses.note(key, nowUs);
    return entry;
  };

  const readAgain = (hash: string, entry: Entry): Promise<KnownKey | undefined> => {
    if (entry.reading !== undefined) return entry.reading;
    const reading = read(hash).finally(() => {
      if (entry.reading === reading) entry.reading = undefined;
    });
    entry.reading = reading;
    return reading;
  };

  /** Callers share a read that is still running. */
  let readingExistence: Promise<boolean> | undefined;
  const readExistence = (): Promise<boolean> => {
    const askedMs = nowMs();
    const reading = store
      .read(hasKeys)
      .then((found) => {
        if (readingExistence === reading) existence = { found, askedMs };
        return found;
      })
      .finally(() => {
        if (readingExistence === reading) readingExistence = undefined;
      });
    return reading;
  };

  return {
    find(hash) {
      const entry = known.get(hash);
      if (entry === undefined) return unknown.has(hash) ? undefined : read(hash);
      const ageMs = entry.ageMs();
      if (ageMs < REFRESH_MS) return entry;
      const reading = readAgain(hash, entry);
      if (ageMs >= STALE_MS) return reading;
      // If the database fails, a later call finds the key too old, and waits for it.
      reading.catch(() => {});
      return entry;
    },
    isKnown: (hash) => known.has(hash) || unknown.has(hash),
    hasKeys() {
      // A key is never deleted, so there are keys from then on.
      if (existence?.found === true) return true;
      if (existence !== undefined && nowMs() - existence.askedMs < REFRESH_MS) return false;
      return (readingExistence ??= readExistence());
    },
    changed() {
      changes++;
      for (const entry of known.values()) entry.outdate();
      readingExistence = undefined;
      existence = existence?.found === true ? existence : undefined;
    },
  };
}

interface Found {
  key: Key | undefined;
  nowUs: InstantUs;
}

interface Existence {
  found: boolean;
  askedMs: number;
}

const US_PER_MS = 1000;

class Entry implements KnownKey {
  readonly caller: Caller;
  readonly limits: KeyLimits;
  /** The read in progress. */
  reading: Promise<KnownKey | undefined> | undefined;
  readonly #nowMs: () => number;
  #key: Key;
  /** When the database was asked: the key may have changed since, however late the answer came. */
  #askedMs = Number.NEGATIVE_INFINITY;
  /** The database's clock when it answered, and this server's when it asked, so that a key stops a little early, never late. */
  #readUs: InstantUs = 0n;
  #readMs = 0;

  constructor(key: Key, nowMs: () => number) {
    this.#key = key;
    this.#nowMs = nowMs;
    // Only the times of a key change.
    this.caller = callerOf(key);
    this.limits = createKeyLimits(key, nowMs);
  }

  update(key: Key, nowUs: InstantUs, askedMs: number): void {
    this.#key = key;
    this.#readUs = nowUs;
    this.#readMs = askedMs;
    this.#askedMs = askedMs;
  }

  /** Has the key read before its next use. */
  outdate(): void {
    this.#askedMs = Number.NEGATIVE_INFINITY;
    this.reading = undefined;
  }

  ageMs(): number {
    return this.#nowMs() - this.#askedMs;
  }

  isUsable(): boolean {
    const { expiresAtUs, revokedAtUs } = this.#key;
    if (expiresAtUs === undefined && revokedAtUs === undefined) return true;
    const sinceMs = this.#nowMs() - this.#readMs;
    return isUsable(this.#key, this.#readUs + BigInt(Math.round(sinceMs * US_PER_MS)));
  }
}

const callerOf = ({ keyId, project, user, role }: Key): Caller =>
  callerWith(role, {
    kind: "key",
    actor: `key:${keyId}`,
    keyId,
    project: role === "OPERATOR" ? undefined : project,
    user,
  });

/** Notes the hour in which keys were last used, with one statement for all keys that are used at about the same time. */
function createUses(store: Store) {
  const unsaved = new Map<string, KeyName>();
  let isSaving = false;
  const save = async (hourUs: InstantUs): Promise<void> => {
    isSaving = true;
    const names = [...unsaved.values()];
    unsaved.clear();
    // If it fails, the next read of the key tries again.
    await store.write((connection) => noteUse(connection, names, hourUs)).catch(() => {});
    isSaving = false;
  };
  return {
    note({ project, keyId, usedAtUs }: Key, nowUs: InstantUs): void {
      const hourUs = hourOf(nowUs);
      if (usedAtUs !== undefined && usedAtUs >= hourUs) return;
      unsaved.set(keyId, { project, keyId });
      if (isSaving) return;
      isSaving = true;
      setImmediate(() => void save(hourUs));
    },
  };
}
