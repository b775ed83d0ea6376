import { sql } from "kysely";
import type { InstantUs } from "../domain/period.ts";
import type { ProjectPrice } from "../domain/prices/project.ts";
import type { Connection } from "./connection.ts";
import type { RowOf } from "./table.ts";
import { modelPricesTable, type StoredPrice } from "./tables.ts";

export type { StoredPrice };

/** Reads up to `limit` prices of a project in the byte order of models. */
export async function listPrices(
  connection: Connection,
  page: { project: string; after: string | undefined; limit: number },
): Promise<StoredPrice[]> {
  let query = connection.selectFrom("model_prices").selectAll().where("project", "=", page.project);
  if (page.after !== undefined) query = query.where("model", ">", page.after);
  const rows = await query.orderBy("model").limit(page.limit).execute();
  return rows.map((row) => modelPricesTable.fromRow(row));
}

/** Waits until no other transaction changes prices of the project, and keeps others waiting until the end of this one. */
export async function lockPrices(connection: Connection, project: string): Promise<void> {
  // A price that does not exist yet has no row to lock.
  await sql`select pg_advisory_xact_lock(hashtextextended(${project}, ${LOCK_SEED}))`.execute(connection);
}

/** An arbitrary number. Other programs must not use it for advisory locks in the same database. */
const LOCK_SEED = 7_106_521_994n;

/** Reads the price that a project has set for a model. Undefined: it has set none. */
export async function readPrice(
  connection: Connection,
  project: string,
  model: string,
): Promise<StoredPrice | undefined> {
  const row = await connection
    .selectFrom("model_prices")
    .selectAll()
    .where("project", "=", project)
    .where("model", "=", model)
    .executeTakeFirst();
  return row && modelPricesTable.fromRow(row);
}

/**
 * Sets the price of a model, unless it is a new one and the project already has `pricesMax` prices.
 *
 * @returns The price as stored. Undefined when the project has too many.
 */
export async function writePrice(
  connection: Connection,
  project: string,
  price: ProjectPrice,
  pricesMax: number,
): Promise<StoredPrice | undefined> {
  const result = await sql<RowOf<typeof modelPricesTable>>`
    insert into model_prices (project, model, rates, updated_at)
    select ${project}::text, ${price.model}::text, ${JSON.stringify(price.rates)}::text::jsonb, clock_timestamp()
    where (select count(*) from model_prices where project = ${project} and model <> ${price.model}) < ${pricesMax}
    on conflict (project, model) do update set rates = excluded.rates, updated_at = excluded.updated_at
    returning *
  `.execute(connection);
  return result.rows[0] && modelPricesTable.fromRow(result.rows[0]);
}

/** Deletes the price of a model. @returns The price, and when it was deleted. Undefined: there was none. */
export async function deletePrice(
  connection: Connection,
  project: string,
  model: string,
): Promise<{ price: StoredPrice; deletedAtUs: InstantUs } | undefined> {
  const row = await connection
    .deleteFrom("model_prices")
    .where("project", "=", project)
    .where("model", "=", model)
    .returningAll()
    .returning(sql<bigint>`clock_timestamp()`.as("deleted_at"))
    .executeTakeFirst();
  return row && { price: modelPricesTable.fromRow(row), deletedAtUs: row.deleted_at };
}
