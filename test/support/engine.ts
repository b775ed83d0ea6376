import { rm } from "node:fs/promises";
import { type Kysely, sql } from "kysely";
import { type Ancestry, createAncestry } from "../../src/engine/commit/ancestry.ts";
import { createEngine, type Engine, type EngineLimits } from "../../src/engine/commit/engine.ts";
import { createPageReads } from "../../src/engine/page-reads.ts";
import { createReader, type Reader } from "../../src/engine/read/reader.ts";
import { openEmbedded } from "../../src/store/database.ts";
import { migrate } from "../../src/store/migrate.ts";
import type { Schema } from "../../src/store/schema.ts";
import { createStore, type Store } from "../../src/store/store.ts";
import { makeDataFolder } from "./embedded.ts";

/** The engine behind the handlers, on an empty embedded store. */
export interface Inside extends AsyncDisposable {
  kysely: Kysely<Schema>;
  store: Store;
  engine: Engine;
  reader: Reader;
  ancestry: Ancestry;
  defects: unknown[];
}

export const ENGINE_LIMITS: EngineLimits = {
  batchOperationsMax: 1000,
  batchesInFlightMax: 2,
  quietBatchesMax: 1,
  queueOperationsMax: 10_000,
  backgroundOperationsMax: 500,
  lockWaitMsMax: 5_000,
};

/** @param limits.batchesInFlightMax 1: operations are decided in the order in which they were submitted. */
export async function startInside({
  batchesInFlightMax = ENGINE_LIMITS.batchesInFlightMax,
} = {}): Promise<Inside> {
  const folder = await makeDataFolder();
  const database = await openEmbedded({ folder });
  await migrate(database);
  const store = createStore({ database, retryMsMax: 0, onRetry: () => {} });
  const ancestry = createAncestry(store);
  const onChanged = (): void => {};
  const defects: unknown[] = [];
  const limits = { ...ENGINE_LIMITS, batchesInFlightMax };
  const onDefect = (error: unknown) => defects.push(error);
  const engine = createEngine({ store, ancestry, limits, onChanged, onDefect });
  return {
    kysely: database.kysely,
    store,
    ancestry,
    defects,
    engine,
    reader: createReader({ store, engine, pageReads: createPageReads() }),
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Moves all times of a project back, which looks from inside as if that time had passed. */
export async function passTime(kysely: Kysely<Schema>, project: string, hours: number): Promise<void> {
  const span = sql`make_interval(hours => ${hours}::integer)`;
  const moved = (...columns: string[]) =>
    sql.join(columns.map((column) => sql`${sql.ref(column)} = ${sql.ref(column)} - ${span}`));
  const us = BigInt(hours) * 3_600_000_000n;
  const id = sql`period_id = -period_id - ${us}::bigint`;
  const where = sql`where project = ${project}`;
  await kysely.transaction().execute(async (transaction) => {
    // Period ids are instants and parts of keys. The detour over negative ids avoids collisions with other periods.
    for (const table of ["budgets", "model_costs", "periods", "entries"]) {
      await sql`update ${sql.table(table)} set period_id = -period_id ${where}`.execute(transaction);
    }
    const times = moved("created_at", "updated_at", "period_anchor", "period_start", "period_end");
    await sql`update budgets set ${id}, ${times} ${where}`.execute(transaction);
    await sql`update model_costs set ${id} ${where}`.execute(transaction);
    await sql`update periods set ${id}, ${moved("period_start", "period_end")} ${where}`.execute(transaction);
    await sql`update entries set ${id}, ${moved("created_at", "period_start", "period_end")} ${where}`.execute(
      transaction,
    );
    await sql`update audit_entries set ${moved("created_at")} ${where}`.execute(transaction);
    await sql`update reservations set ${moved("created_at", "expires_at", "closed_at")} ${where}`.execute(
      transaction,
    );
  });
}
