import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { brokenLock } from "./data-folder.ts";

/** Another process uses the data folder. */
export class FolderLockedError extends Error {
  constructor(folder: string, options?: ErrorOptions) {
    super(`${folder} is in use by another server; stop it, or set DATA_DIR to another folder`, options);
    this.name = "FolderLockedError";
  }
}

const SQLITE_BUSY = 5;

/**
 * Locks a folder for this process, until the result is disposed or the process ends.
 *
 * Node.js has no file locks, but it includes SQLite, which has them on every platform. The lock is an open exclusive transaction
 * on an empty database. The kernel releases it when the process ends, so a crash leaves nothing to clean up.
 *
 * @throws FolderLockedError when another process has locked it, DataFolderError when the lock file cannot be used.
 */
export function lockFolder(folder: string): Disposable {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(folder, "lock"));
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) {
      throw new FolderLockedError(folder, { cause: error });
    }
    throw brokenLock(folder, error);
  }
  const taken = database;
  return { [Symbol.dispose]: () => taken.close() };
}
