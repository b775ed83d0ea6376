import { sql } from "kysely";
import type { Connection } from "./connection.ts";
import type { Part } from "./parts.ts";
import { columnsBut, insertRows, type RowOf, updateRows } from "./table.ts";
import { legacyRecordsTable, type StoredRecord } from "./tables.ts";
import { unnest } from "./unnest.ts";

/** Names one record of LiteLLM's map: a user's record as one session posts it. */
export interface RecordName {
  session: string;
  user: string;
}

/** The stored memory of a record, without the project. */
export type RecordRow = Omit<StoredRecord, "project">;

export const recordKey = ({ session, user }: RecordName): string => `${session}\0${user}`;

const KEY = { session_id: "text", user_id: "text" } as const;
const keysOf = (names: readonly RecordName[]) =>
  names.map(({ session, user }) => ({ session_id: session, user_id: user }));

/** A row to insert or to update. The lock of the record's budget protects it. */
export interface RecordChange {
  project: string;
  row: RecordRow;
  isNew: boolean;
}

/** Reads the memory of records, by `recordKey`. Records without one are absent. */
export async function readRecords(
  connection: Connection,
  project: string,
  names: readonly RecordName[],
): Promise<Map<string, RecordRow>> {
  const result = await sql<RowOf<typeof legacyRecordsTable>>`
    select r.* from ${unnest(KEY, keysOf(names), "k")}
    join legacy_records r on r.project = ${project} and r.session_id = k.session_id and r.user_id = k.user_id
  `.execute(connection);
  const rows = result.rows.map((row) => legacyRecordsTable.fromRow(row));
  return new Map(rows.map((row) => [recordKey(row), row]));
}

/** The parts that write the changes of a batch to the memory of records. */
export function recordParts(changes: readonly RecordChange[]): Part[] {
  const rowsOf = (isNew: boolean): StoredRecord[] =>
    changes.filter((change) => change.isNew === isNew).map(({ project, row }) => ({ ...row, project }));
  return [
    insertRows(legacyRecordsTable, rowsOf(true), {
      onConflict: sql`on conflict (project, session_id, user_id) do nothing`,
    }),
    updateRows(legacyRecordsTable, CHANGING_COLUMNS, rowsOf(false)),
  ];
}

const CHANGING_COLUMNS = columnsBut(legacyRecordsTable, [
  "project",
  "session_id",
  "user_id",
  "is_handed_out",
]);

/** Records that sessions are still in use, so that `forgetSessions` keeps them. */
export async function touchSessions(
  connection: Connection,
  project: string,
  sessions: readonly string[],
): Promise<void> {
  await sql`
    update legacy_records set seen_at = clock_timestamp()
    where project = ${project} and session_id = any(${sessions}::text[])
  `.execute(connection);
}

/** Whether there is a record of this session. */
export async function isSessionKnown(
  connection: Connection,
  project: string,
  session: string,
): Promise<boolean> {
  const row = await connection
    .selectFrom("legacy_records")
    .select("user_id")
    .where("project", "=", project)
    .where("session_id", "=", session)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Deletes the records that were handed out to sessions of a project which have not posted for this many days. */
export async function forgetSessions(connection: Connection, project: string, days: number): Promise<void> {
  await sql`
    delete from legacy_records
    where project = ${project} and is_handed_out and seen_at < clock_timestamp() - make_interval(days => ${days}::integer)
  `.execute(connection);
}
