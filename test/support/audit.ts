import type { AuditEntry } from "../../src/domain/audit.ts";
import type { Reader } from "../../src/engine/read/reader.ts";
import { createStore, type Store } from "../../src/store/store.ts";
import type { Inside } from "./engine.ts";

/** The audit log of a project, oldest first. */
export async function auditLog({ reader }: { reader: Reader }, project: string): Promise<AuditEntry[]> {
  const all = { subject: undefined, actor: undefined, startUs: undefined, endUs: undefined };
  const page = { ...all, project, before: undefined, limit: 10_000 };
  return (await reader.listAuditEntries(page)).items.toReversed();
}

/** The store of `inside`, which loses the answer to its first COMMIT. The work is done, but the caller cannot know. */
export function storeThatLosesAnswer(inside: Inside, meanwhile: () => Promise<unknown>): Store {
  let isLost = false;
  const transaction = () => ({
    async execute(work: Parameters<ReturnType<typeof inside.kysely.transaction>["execute"]>[0]) {
      const result = await inside.kysely.transaction().execute(work);
      if (isLost) return result;
      isLost = true;
      await meanwhile();
      throw Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
    },
  });
  const kysely = { transaction } as unknown as typeof inside.kysely;
  const losing = createStore({ database: { kysely }, retryMsMax: 10_000 });
  return { ...inside.store, transaction: (work, options) => losing.transaction(work, options) };
}
