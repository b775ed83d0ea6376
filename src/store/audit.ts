import { randomUUIDv7 } from "node:crypto";
import { sql } from "kysely";
import type { AuditEntry, AuditedChange } from "../domain/audit.ts";
import type { InstantUs } from "../domain/period.ts";
import type { Connection } from "./connection.ts";
import { type Part, writeParts } from "./parts.ts";
import { insertRows } from "./table.ts";
import { auditEntriesTable } from "./tables.ts";
import { timestampText } from "./timestamps.ts";

/** Digits that number the entries of one transaction. A batch has fewer changes than 10^5. */
const NUMBER_DIGITS = 5;

/**
 * The part of a statement that records changes, as a list of none or one. The ids are made here: a transaction that runs again
 * records only what it changes itself, so it needs no id that it had before.
 *
 * @param changes In the order in which they were made. Changes of one instant are listed in this order.
 */
export function auditParts(changes: readonly AuditedChange[]): Part[] {
  if (changes.length === 0) return [];
  const transaction = randomUUIDv7();
  return [
    entriesPart(
      changes.map((change, index) => ({
        ...change,
        auditId: `${transaction}-${String(index).padStart(NUMBER_DIGITS, "0")}`,
      })),
    ),
  ];
}

/**
 * Records one change, in the transaction of the change.
 *
 * @param change.auditId Only for work that would record its change again when it runs again. It is made outside of the work, and
 *   then an entry that exists stays as it is.
 */
export async function writeAuditEntry(
  connection: Connection,
  change: AuditedChange & { auditId?: string },
): Promise<void> {
  await writeParts(connection, [entriesPart([{ auditId: randomUUIDv7(), ...change }])]);
}

const entriesPart = (entries: readonly AuditEntry[]): Part =>
  insertRows(auditEntriesTable, entries, { onConflict: sql`on conflict (project, audit_id) do nothing` });

/** The last entry of a page. The next page begins after it, in the order newest first. */
export interface AuditCursor {
  createdAtUs: InstantUs;
  auditId: string;
}

/** Which entries to list. */
export interface AuditFilter {
  /** Empty: the changes of operators' keys. */
  project: string;
  /** Undefined: changes of any user, model or key. */
  subject: string | undefined;
  /** Undefined: changes by anyone. */
  actor: string | undefined;
  /** The first instant, inclusive. */
  startUs: InstantUs | undefined;
  /** The end of the range, exclusive. */
  endUs: InstantUs | undefined;
  /** The last entry of the previous page. */
  before: AuditCursor | undefined;
  limit: number;
}

/** Reads up to `limit` entries of a project, newest first. */
export async function listAuditEntries(
  connection: Connection,
  { project, subject, actor, startUs, endUs, before, limit }: AuditFilter,
): Promise<AuditEntry[]> {
  let query = connection.selectFrom("audit_entries").selectAll().where("project", "=", project);
  if (subject !== undefined) query = query.where("subject", "=", subject);
  if (actor !== undefined) query = query.where("actor", "=", actor);
  if (startUs !== undefined) query = query.where("created_at", ">=", instant(startUs));
  if (endUs !== undefined) query = query.where("created_at", "<", instant(endUs));
  if (before !== undefined) {
    query = query.where(
      sql<boolean>`(created_at, audit_id) < (${instant(before.createdAtUs)}, ${before.auditId}::text)`,
    );
  }
  const rows = await query.orderBy("created_at", "desc").orderBy("audit_id", "desc").limit(limit).execute();
  return rows.map((row) => auditEntriesTable.fromRow(row));
}

const instant = (us: InstantUs) => sql<bigint>`${timestampText(us)}::timestamptz`;
