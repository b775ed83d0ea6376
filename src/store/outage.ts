import { NoAnswer, NoConnection } from "./sessions.ts";

/** Classifies errors of the database. */

/** Thrown by a transaction that has waited for a lock for its `lockTimeoutMs`. */
export class LockTimeout extends Error {
  override name = "LockTimeout";

  constructor(limitMs: number, options?: ErrorOptions) {
    super(`a lock was not released within ${limitMs} ms`, options);
  }
}

/** Whether the database aborted this transaction because of a serialization failure or a deadlock. It must be retried. */
export const isConflict = (error: unknown): boolean => ["40001", "40P01"].includes(codeOf(error));

/** Whether a lock was not released within lock_timeout. */
export const isLockTimeout = (error: unknown): boolean => codeOf(error) === "55P03";

/** Whether the database has failed, and not the work. The same work can succeed later. */
export const isOutage = (error: unknown): boolean =>
  error instanceof NoAnswer ||
  error instanceof NoConnection ||
  // The embedded PostgreSQL has crashed, for example with a PANIC. Every statement fails this way until a restart.
  (error instanceof Error && error.name === "RuntimeError") ||
  SQLSTATES.test(codeOf(error)) ||
  SOCKET_CODES.test(codeOf(error)) ||
  // pg's errors have no code when the connection ends during a statement, or before one.
  (error instanceof Error && /^Connection terminated|not queryable|^Client was closed/.test(error.message));

/**
 * PostgreSQL's error codes (SQLSTATE, PostgreSQL manual, appendix A) that are not caused by the statement itself:
 *
 * - 08 connection, 57P shutting down or starting, 58 system, 53 out of connections, disk or memory, F0 configuration;
 * - 25006 read-only: a standby, or a primary that became one; 25P03, 25P04 the server ended a transaction that took too long;
 * - 28 the password or the role was changed, 3D000 the database is missing, 3F000 the schema is missing, 42P01 a table is missing
 *   (as while a backup is restored), 42501 a permission was revoked;
 * - 40003 it is unknown whether a statement was done;
 * - 55P03 and 57014 a lock_timeout or statement_timeout that the operator has set for the role or the database, or a statement
 *   that the operator cancelled;
 * - XX corrupted data or an internal error of PostgreSQL, such as a relation that vanished.
 */
const SQLSTATES =
  /^(?:08|28|53|58|57P|F0|XX)...?$|^(?:25006|25P03|25P04|3D000|3F000|40003|42501|42P01|55P03|57014)$/;

/** Error codes of the socket during a statement. An error while connecting is always a NoConnection. */
const SOCKET_CODES = /^E(?:CONN|PIPE|HOST|NET|TIMEDOUT|PROTO|AI_)|^ERR_(?:SSL|TLS|STREAM)_/;

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}
