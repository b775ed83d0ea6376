import { sql } from "kysely";
import type { Connection } from "./connection.ts";

/** The map that was last posted for a project, as JSON text. */
export async function readLegacyMap(connection: Connection, project: string): Promise<string | undefined> {
  const row = await connection
    .selectFrom("legacy_maps")
    .select(sql<string>`user_dict::text`.as("text"))
    .where("project", "=", project)
    .executeTakeFirst();
  return row?.text;
}

/** Puts a map, given as JSON text, in the place of the one before. */
export async function writeLegacyMap(connection: Connection, project: string, text: string): Promise<void> {
  await sql`
    insert into legacy_maps (project, user_dict, updated_at) values (${project}, ${text}::json, clock_timestamp())
    on conflict (project) do update set user_dict = excluded.user_dict, updated_at = excluded.updated_at
  `.execute(connection);
}
