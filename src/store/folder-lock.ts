import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { brokenLock } from "./data-folder.ts";

export class FolderLockedError extends Error {
  constructor(folder: string, options?: ErrorOptions) {
    super(`${folder} is in use by another server; stop it, or set DATA_DIR to another folder`, options);
    this.name = "FolderLockedError";
  }
}

const SQLITE_BUSY = 5;

/**
 * Takes a folder for this process alone, until the result is disposed or the process ends, however it ends.
 *
 * Node has no file locks of its own; SQLite, which is part of it, has, on every platform. The lock is an open exclusive
 * transaction on an empty database: the kernel drops it with the process, so a crash leaves nothing to clean up.
 *
 * @throws FolderLockedError when another process has it, DataFolderError when the lock cannot be made.
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
