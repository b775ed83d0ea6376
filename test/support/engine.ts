import { rm } from "node:fs/promises";
import type { Kysely } from "kysely";
import { type Ancestry, createAncestry } from "../../src/engine/ancestry.ts";
import { createEngine, type Engine } from "../../src/engine/commit.ts";
import { createExpiry, type Expiry } from "../../src/engine/expiry.ts";
import { openEmbedded } from "../../src/store/database.ts";
import { migrate } from "../../src/store/migrate.ts";
import type { Schema } from "../../src/store/schema.ts";
import { createStore, type Store } from "../../src/store/store.ts";
import { makeDataFolder } from "./embedded.ts";

/** What is behind the handlers, on an empty embedded store. */
export interface Inside extends AsyncDisposable {
  kysely: Kysely<Schema>;
  store: Store;
  engine: Engine;
  expiry: Expiry;
  ancestry: Ancestry;
  defects: unknown[];
}

export async function startInside(): Promise<Inside> {
  const folder = await makeDataFolder();
  const database = await openEmbedded({ folder });
  await migrate(database);
  const store = createStore({ database, retryMsMax: 0, onRetry: () => {} });
  const ancestry = createAncestry(store);
  const onChanged = (): void => {};
  const defects: unknown[] = [];
  const limits = { batchOperationsMax: 1000, batchesInFlightMax: 2, queueOperationsMax: 10_000 };
  const onDefect = (error: unknown) => defects.push(error);
  return {
    kysely: database.kysely,
    store,
    ancestry,
    defects,
    expiry: createExpiry({ store, ancestry, onChanged }),
    engine: createEngine({ store, ancestry, limits, onChanged, onDefect }),
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
