import { NoAnswer, NoConnection } from "./sessions.ts";

/** What an error of the database means for the work that met it. */

/** Thrown by a transaction that may wait for locks only so long, and has. */
export class LockTimeout extends Error {
  override name = "LockTimeout";

  constructor(limitMs: number, options?: ErrorOptions) {
    super(`a lock was not free within ${limitMs} ms`, options);
  }
}

/** Serialization failure, deadlock: the database chose this transaction to give way. It is to run again. */
export const isConflict = (error: unknown): boolean => ["40001", "40P01"].includes(codeOf(error));

/** A lock was not free within lock_timeout. */
export const isLockTimeout = (error: unknown): boolean => codeOf(error) === "55P03";

/** Whether the database, and not the work, has failed: the same work can succeed later. */
export const isOutage = (error: unknown): boolean =>
  error instanceof NoAnswer ||
  error instanceof NoConnection ||
  // The embedded PostgreSQL has come to its end, as after a PANIC: until a restart, every statement fails so.
  (error instanceof Error && error.name === "RuntimeError") ||
  SQLSTATES.test(codeOf(error)) ||
  SOCKET_CODES.test(codeOf(error)) ||
  // pg gives no code where the connection ends during a statement, or before one.
  (error instanceof Error && /^Connection terminated|not queryable|^Client was closed/.test(error.message));

/**
 * PostgreSQL's error codes that say nothing against the statement itself:
 *
 * - 08 connection, 57P shutting down or starting, 58 system, 53 out of connections, disk or memory, F0 configuration;
 * - 25006 read-only: a standby, or a primary that became one; 25P03, 25P04 the server ended a transaction that took too long;
 * - 28 the password or the role was changed, 3D000 the database is gone, 3F000 and 42P01 so is the schema or a table, which is
 *   how it looks while a backup is restored, 42501 a right was revoked;
 * - 40003 whether a statement was done is unknown;
 * - 55P03 and 57014 lock_timeout and statement_timeout, which the operator has set for the role or the database, or somebody
 *   has cancelled the statement;
 * - XX corrupted data, and what PostgreSQL itself takes for impossible, such as a relation that vanished.
 */
const SQLSTATES =
  /^(?:08|28|53|58|57P|F0|XX)...?$|^(?:25006|25P03|25P04|3D000|3F000|40003|42501|42P01|55P03|57014)$/;

/** Of the socket, while a statement is under way. What goes wrong while connecting is a NoConnection, whatever its code. */
const SOCKET_CODES = /^E(?:CONN|PIPE|HOST|NET|TIMEDOUT|PROTO|AI_)|^ERR_(?:SSL|TLS|STREAM)_/;

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}
