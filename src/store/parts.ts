import { type RawBuilder, sql } from "kysely";
import type { Connection } from "./connection.ts";

/** Rows to write to one table. */
export interface Part {
  /** Unique among the parts of one call of `writeParts`. */
  name: string;
  /** An insert, an update or a delete, without `returning`. */
  statement: RawBuilder<unknown>;
  /** How many rows the statement must write. 0: it is not sent. Undefined: any number. */
  rows: number | undefined;
}

/**
 * Writes parts in one statement, and so in one round trip. Two parts must not write the same row.
 *
 * @returns Whether every part wrote the number of rows that it must write.
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
