import { type RawBuilder, sql } from "kysely";
import type { Connection } from "./connection.ts";
import type { Schema } from "./schema.ts";

/**
 * Lists the projects that have certain rows. This is the only statement that names no project. It locks nothing. It is a skip
 * scan over an index that begins with the project, so its cost grows with the number of projects and not of rows.
 *
 * @param rows.indexed The condition of the index, if it is a partial one.
 * @param rows.wanted The condition that at least one row of the project must meet.
 */
export async function projectsHaving(
  connection: Connection,
  rows: { table: keyof Schema; indexed?: RawBuilder<unknown>; wanted?: RawBuilder<unknown> },
): Promise<string[]> {
  const { indexed = sql`true`, wanted = sql`true` } = rows;
  const table = sql.table(rows.table);
  const result = await sql<{ project: string }>`
    with recursive projects as (
      (select project from ${table} where ${indexed} order by project limit 1)
      union all
      select (
        select t.project from ${table} t where ${indexed} and t.project > p.project order by t.project limit 1
      )
      from projects p where p.project is not null
    )
    select project from projects
    where project is not null and exists (
      select 1 from ${table} t where t.project = projects.project and ${indexed} and ${wanted}
    )
  `.execute(connection);
  return result.rows.map((row) => row.project);
}
