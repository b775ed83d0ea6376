import { constants } from "node:fs";
import { access, mkdir, readdir, readFile, statfs } from "node:fs/promises";
import { join } from "node:path";

/** The folder of the embedded store cannot be used. The message is one sentence that says why, and what to do. */
export class DataFolderError extends Error {
  override name = "DataFolderError";

  constructor(folder: string, why: string, options?: ErrorOptions) {
    super(`the data folder ${folder} ${why}`, options);
  }
}

/** PGlite's version of PostgreSQL. PGlite cannot read the files of another one. */
export const EMBEDDED_VERSION = "18";
/** A new store takes about 40 MB. */
const FREE_MIB_MIN = 64;
const MIB = 2 ** 20;

/**
 * Creates the folder of the embedded store if it does not exist, and checks that it can be used.
 *
 * @returns The folder of PostgreSQL's own files.
 * @throws DataFolderError when the folder cannot be written, or has files that PGlite would overwrite or cannot read
 */
export async function prepareDataFolder(folder: string): Promise<string> {
  const files = join(folder, "postgres");
  try {
    // `mkdir` is called only if `access` fails: for a folder on a read-only file system, recursive mkdir fails with ENOENT.
    await access(folder).catch(() => mkdir(folder, { recursive: true }));
    await readdir(folder);
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    const inside = await namesIn(files);
    if (inside.length > 0) await access(files, constants.R_OK | constants.W_OK | constants.X_OK);
    await refuseForeignFiles(folder, files, inside);
  } catch (error) {
    throw error instanceof DataFolderError
      ? error
      : new DataFolderError(folder, faultOf(error as NodeJS.ErrnoException), { cause: error });
  }
  return files;
}

const namesIn = (folder: string): Promise<string[]> =>
  readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });

/** PGlite creates a new store when PG_VERSION is missing, and overwrites other files. This refuses to start in that case. */
async function refuseForeignFiles(folder: string, files: string, inside: readonly string[]): Promise<void> {
  if (inside.includes("PG_VERSION")) {
    const version = (await readFile(join(files, "PG_VERSION"), "utf8")).trim();
    if (version === EMBEDDED_VERSION) return;
    const made = /^\d+$/.test(version) ? `PostgreSQL ${version}` : "another program than PostgreSQL";
    throw new DataFolderError(
      folder,
      `was created by ${made}, and this version of Purser reads PostgreSQL ${EMBEDDED_VERSION}: start the version of Purser that created it, or set DATA_DIR to another folder`,
    );
  }
  if (inside.includes("base") && (await namesIn(join(files, "base"))).length > 0) {
    throw new DataFolderError(
      folder,
      "has data, but its file postgres/PG_VERSION is missing: restore the folder from a backup, or set DATA_DIR to another one",
    );
  }
}

/** Finds out why PGlite could not open the folder, because PGlite's own errors say little. */
export async function explainOpening(folder: string, cause: unknown): Promise<DataFolderError> {
  const freeMib = await statfs(folder).then(
    ({ bavail, bsize }) => (bavail * bsize) / MIB,
    () => Number.POSITIVE_INFINITY,
  );
  const { name, message, code } = cause as { name?: string; message?: unknown; code?: string };
  if (code === "ENOSPC" || freeMib < FREE_MIB_MIN) {
    const why = `is on a disk with ${Math.floor(freeMib)} MiB free, and the embedded store needs at least ${FREE_MIB_MIN}: free some space, or set DATA_DIR to another folder`;
    return new DataFolderError(folder, why, { cause });
  }
  const said = typeof message === "string" && message !== "" ? message.split("\n", 1)[0] : name;
  const why = `cannot be opened, because its files are damaged or incomplete (PGlite says: ${said}): restore the folder from a backup, or set DATA_DIR to another one`;
  return new DataFolderError(folder, why, { cause });
}

const IS_FILE = "is a file, or its path leads through a file: set DATA_DIR to a folder";
const NO_RIGHT =
  "cannot be written by this user: change its owner or its permissions, or set DATA_DIR to another folder";
const READ_ONLY = "is on a read-only file system: set DATA_DIR to a folder on another one";
const FULL = "is on a disk without free space: free some space, or set DATA_DIR to another folder";

const FAULTS = new Map([
  ["EEXIST", IS_FILE],
  ["ENOTDIR", IS_FILE],
  ["EACCES", NO_RIGHT],
  ["EPERM", NO_RIGHT],
  ["EROFS", READ_ONLY],
  ["ENOENT", READ_ONLY],
  ["ENOSPC", FULL],
  ["EDQUOT", FULL],
]);

const faultOf = ({ code = "", message }: NodeJS.ErrnoException): string =>
  FAULTS.get(code) ?? `cannot be used (${message}): set DATA_DIR to another folder`;

/** The error for a lock file that SQLite cannot open, such as a folder or another program's file. */
export const brokenLock = (folder: string, cause: unknown): DataFolderError =>
  new DataFolderError(
    folder,
    `has a file ${join(folder, "lock")} that is not a lock of Purser (${(cause as Error).message}): remove it, or set DATA_DIR to another folder`,
    { cause },
  );
