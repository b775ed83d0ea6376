import { type AuditedChange, keySettings } from "../../domain/audit.ts";
import { Failure, invalidField } from "../../domain/errors.ts";
import type { Key } from "../../domain/key.ts";
import type { InstantUs } from "../../domain/period.ts";
import { writeAuditEntry } from "../../store/audit.ts";
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
        // The id of the key is the id of the entry, so that there is one, even if this runs again.
        const entry = entryOf("CREATE_KEY", { caller, createdAtUs: nowUs, after: stored });
        await writeAuditEntry(connection, { ...entry, auditId: stored.keyId });
        return stored;
      });
      ring.changed();
      return created;
    },

    async revoke(name, atUs, caller) {
      const revoked = await store.transaction(async (connection) => {
        const key = await lockKey(connection, name);
        if (key === undefined) throw new Failure({ reason: "KEY_NOT_FOUND", ...name });
        const nowUs = await readClock(connection);
        const wantedUs = atUs === undefined || atUs < nowUs ? nowUs : atUs;
        if (key.revokedAtUs !== undefined && key.revokedAtUs <= wantedUs) return key;
        const after: Key = { ...key, revokedAtUs: wantedUs };
        await setRevocation(connection, after);
        const entry = entryOf("REVOKE_KEY", { caller, createdAtUs: nowUs, before: key, after });
        await writeAuditEntry(connection, entry);
        return after;
      });
      ring.changed();
      return revoked;
    },
  };
}

const entryOf = (
  action: "CREATE_KEY" | "REVOKE_KEY",
  change: { caller: Caller; createdAtUs: InstantUs; before?: Key; after: Key },
): AuditedChange => ({
  project: change.after.project,
  createdAtUs: change.createdAtUs,
  actor: change.caller.actor,
  action,
  subject: change.after.keyId,
  before: change.before && keySettings(change.before),
  after: keySettings(change.after),
});
