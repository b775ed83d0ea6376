import { sql } from "kysely";
import type { InstantUs } from "../domain/period.ts";
import type { ProjectPrice, ProjectRate } from "../domain/prices/project.ts";
import type { Connection } from "./connection.ts";

/** A price that a project set, with the moment when it did. */
export interface StoredPrice extends ProjectPrice {
  updatedAtUs: InstantUs;
}

/** Up to `limit` prices of a project in order of model, by bytes. */
export async function listPrices(
  connection: Connection,
  page: { project: string; after: string | undefined; limit: number },
): Promise<StoredPrice[]> {
  let query = connection.selectFrom("model_prices").selectAll().where("project", "=", page.project);
  if (page.after !== undefined) query = query.where("model", ">", page.after);
  const rows = await query.orderBy("model").limit(page.limit).execute();
  return rows.map(priceFromRow);
}

const priceFromRow = (row: { model: string; rates: unknown; updated_at: bigint }): StoredPrice => ({
  model: row.model,
  rates: row.rates as ProjectRate[],
  updatedAtUs: row.updated_at,
});

/**
 * Sets a price, unless it is a new one and the project has `pricesMax` already.
 *
 * @returns The price as stored; undefined when there was no room.
 */
export async function writePrice(
  connection: Connection,
  project: string,
  price: ProjectPrice,
  pricesMax: number,
): Promise<StoredPrice | undefined> {
  const result = await sql<Parameters<typeof priceFromRow>[0]>`
    insert into model_prices (project, model, rates, updated_at)
    select ${project}::text, ${price.model}::text, ${JSON.stringify(price.rates)}::text::jsonb, clock_timestamp()
    where (select count(*) from model_prices where project = ${project} and model <> ${price.model}) < ${pricesMax}
    on conflict (project, model) do update set rates = excluded.rates, updated_at = excluded.updated_at
    returning model, rates, updated_at
  `.execute(connection);
  return result.rows[0] && priceFromRow(result.rows[0]);
}

/** @returns Whether there was such a price. */
export async function deletePrice(connection: Connection, project: string, model: string): Promise<boolean> {
  const result = await connection
    .deleteFrom("model_prices")
    .where("project", "=", project)
    .where("model", "=", model)
    .executeTakeFirst();
  return result.numDeletedRows > 0n;
}
