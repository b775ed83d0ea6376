import { type RawBuilder, sql } from "kysely";
import type { Connection } from "./connection.ts";

/** Rows to write to one table. */
export interface Part {
  /** Of its own among those that are written together. */
  name: string;
  /** An insert, an update or a delete, without `returning`. */
  statement: RawBuilder<unknown>;
  /** How many rows it must write; 0: it is left out; undefined: any number. */
  rows: number | undefined;
}

/**
 * Writes parts as one statement: a round trip for all tables. They must not touch the same row.
 *
 * @returns Whether every part has written all of its rows.
 */
export async function writeParts(connection: Connection, parts: readonly Part[]): Promise<boolean> {
  const written = parts.filter((part) => part.rows !== 0);
  if (written.length === 0) return true;
  const statements = written.map(
    ({ name, statement }) => sql`${sql.ref(name)} as (${statement} returning 1)`,
  );
  const counts = written.map(({ name }) => sql`(select count(*) from ${sql.ref(name)}) as ${sql.ref(name)}`);
  const result = await sql<Record<string, bigint>>`
    with ${sql.join(statements)} select ${sql.join(counts)}
  `.execute(connection);
  return written.every(({ name, rows }) => rows === undefined || result.rows[0]?.[name] === BigInt(rows));
}
