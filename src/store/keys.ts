import { sql } from "kysely";
import type { Key } from "../domain/key.ts";
import type { InstantUs } from "../domain/period.ts";
import type { Connection } from "./connection.ts";
import { writeParts } from "./parts.ts";
import { insertRows, type RowOf, updateRows } from "./table.ts";
import { keysTable } from "./tables.ts";
import { timestampText } from "./timestamps.ts";
import { unnest } from "./unnest.ts";

/** A key within its project. The project of an operator's key is empty. */
export interface KeyName {
  project: string;
  keyId: string;
}

/** Whether there is any key, also one that is revoked. */
export async function hasKeys(connection: Connection): Promise<boolean> {
  const result = await sql<{ found: boolean }>`select exists (select from keys) as found`.execute(connection);
  return result.rows[0]?.found === true;
}

/** Reads keys by the hashes of their secrets, and the database's clock. Hashes of no key are absent. */
export async function findKeys(
  connection: Connection,
  hashes: readonly string[],
): Promise<{ keys: Map<string, Key>; nowUs: InstantUs }> {
  const rows = hashes.map((hash) => ({ secret_hash: hash }));
  const result = await sql<RowOf<typeof keysTable> & { clock: bigint; found: string | null }>`
    select clock_timestamp() as clock, k.key_id as found, k.*
    from (values (true)) as always
    left join (
      select keys.* from ${unnest({ secret_hash: "text" }, rows, "sent")}
      join keys on keys.secret_hash = sent.secret_hash
    ) k on true
  `.execute(connection);
  const found = result.rows.filter((row) => row.found !== null).map((row) => keysTable.fromRow(row));
  return {
    keys: new Map(found.map((key) => [key.secretHash, key])),
    nowUs: result.rows[0]?.clock ?? 0n,
  };
}

/** Stores a new key. A repeated call does nothing. */
export async function insertKey(connection: Connection, key: Key): Promise<void> {
  await writeParts(connection, [
    insertRows(keysTable, [key], { onConflict: sql`on conflict (project, key_id) do nothing` }),
  ]);
}

/** Reads the database's clock. */
export async function readClock(connection: Connection): Promise<InstantUs> {
  const result = await sql<{ clock: bigint }>`select clock_timestamp() as clock`.execute(connection);
  return result.rows[0]?.clock ?? 0n;
}

/** Reads a key, and locks it until the end of the transaction. */
export async function lockKey(connection: Connection, { project, keyId }: KeyName): Promise<Key | undefined> {
  const row = await connection
    .selectFrom("keys")
    .selectAll()
    .where("project", "=", project)
    .where("key_id", "=", keyId)
    .forUpdate()
    .executeTakeFirst();
  return row && keysTable.fromRow(row);
}

/** Sets when a key stops working. */
export async function setRevocation(connection: Connection, key: Key): Promise<void> {
  await writeParts(connection, [updateRows(keysTable, ["revoked_at"], [key])]);
}

/** Reads up to `limit` keys of a project, in order of their ids. */
export async function listKeys(
  connection: Connection,
  page: { project: string; after: string | undefined; limit: number },
): Promise<Key[]> {
  let query = connection.selectFrom("keys").selectAll().where("project", "=", page.project);
  if (page.after !== undefined) query = query.where("key_id", ">", page.after);
  const rows = await query.orderBy("key_id").limit(page.limit).execute();
  return rows.map((row) => keysTable.fromRow(row));
}

const HOUR = 3_600_000_000n;

/** The hour of an instant. The last use of a key is stored as its hour. */
export const hourOf = (instantUs: InstantUs): InstantUs => instantUs - (instantUs % HOUR);

/** Notes that keys were used in the hour `hourUs`. */
export async function noteUse(
  connection: Connection,
  names: readonly KeyName[],
  hourUs: InstantUs,
): Promise<void> {
  const rows = names.map(({ project, keyId }) => ({ project, key_id: keyId }));
  await sql`
    update keys set used_at = ${timestampText(hourUs)}::timestamptz
    from ${unnest({ project: "text", key_id: "text" }, rows, "used")}
    where keys.project = used.project and keys.key_id = used.key_id
      and (keys.used_at is null or keys.used_at < ${timestampText(hourUs)}::timestamptz)
  `.execute(connection);
}
