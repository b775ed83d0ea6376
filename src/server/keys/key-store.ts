import { Failure, invalidField } from "../../domain/errors.ts";
import type { Key } from "../../domain/key.ts";
import type { InstantUs } from "../../domain/period.ts";
import { insertKey, type KeyName, lockKey, readClock, setRevocation } from "../../store/keys.ts";
import type { Store } from "../../store/store.ts";
import type { Caller } from "../caller.ts";
import type { KeyRing } from "./key-ring.ts";

/** Creates and revokes keys. */
export interface KeyStore {
  /** @throws INVALID_FIELD when the key would never work, or when the first key of a server is not an operator's */
  create(key: Omit<Key, "createdAtUs">, caller: Caller): Promise<Key>;
  /**
   * Makes a key stop working at an instant, or now. The instant is never moved back.
   *
   * @throws KEY_NOT_FOUND
   */
  revoke(name: KeyName, atUs: InstantUs | undefined, caller: Caller): Promise<Key>;
}

export function createKeyStore(store: Store, ring: KeyRing): KeyStore {
  return {
    async create(key, caller) {
      // With the first key, every call needs one. So the first key must be able to create others.
      if (caller.kind === "anonymous" && key.role !== "OPERATOR")
        throw invalidField(
          "role",
          "must be operator for the first key, because from then on every call needs a key",
        );
      const created = await store.transaction(async (connection) => {
        const nowUs = await readClock(connection);
        if (key.expiresAtUs !== undefined && key.expiresAtUs <= nowUs)
          throw invalidField("expire_time", "must be in the future");
        const stored: Key = { ...key, createdAtUs: nowUs };
        await insertKey(connection, stored);
        return stored;
      });
      ring.changed();
      return created;
    },

    async revoke(name, atUs, _caller) {
      const revoked = await store.transaction(async (connection) => {
        const key = await lockKey(connection, name);
        if (key === undefined) throw new Failure({ reason: "KEY_NOT_FOUND", ...name });
        const nowUs = await readClock(connection);
        const wantedUs = atUs === undefined || atUs < nowUs ? nowUs : atUs;
        if (key.revokedAtUs !== undefined && key.revokedAtUs <= wantedUs) return key;
        const after: Key = { ...key, revokedAtUs: wantedUs };
        await setRevocation(connection, after);
        return after;
      });
      ring.changed();
      return revoked;
    },
  };
}
