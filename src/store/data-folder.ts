import { constants } from "node:fs";
import { access, mkdir, readdir, readFile, statfs } from "node:fs/promises";
import { join } from "node:path";

/** The folder of the embedded store cannot be used; the message is one sentence that says what to do. */
export class DataFolderError extends Error {
  override name = "DataFolderError";

  constructor(folder: string, why: string, options?: ErrorOptions) {
    super(`the data folder ${folder} ${why}`, options);
  }
}

/** The version of the PostgreSQL that PGlite is. It reads the files of no other. */
export const EMBEDDED_VERSION = "18";
/** A new store takes about 40 MB. */
const FREE_MIB_MIN = 64;
const MIB = 2 ** 20;

/**
 * Makes the folder of the embedded store where there is none.
 *
 * @returns Where PostgreSQL's own files are.
 * @throws DataFolderError where it cannot be written, or has files that PGlite would overwrite or cannot read
 */
export async function prepareDataFolder(folder: string): Promise<string> {
  const files = join(folder, "postgres");
  try {
    // One call of mkdir with `recursive` would say ENOENT of a file system that is read-only.
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

/** PGlite begins a new store where PG_VERSION is missing, whatever else is there. */
async function refuseForeignFiles(folder: string, files: string, inside: readonly string[]): Promise<void> {
  if (inside.includes("PG_VERSION")) {
    const version = (await readFile(join(files, "PG_VERSION"), "utf8")).trim();
    if (version === EMBEDDED_VERSION) return;
    const made = /^\d+$/.test(version) ? `PostgreSQL ${version}` : "something that is not PostgreSQL";
    throw new DataFolderError(
      folder,
      `was made by ${made}, and this version of Purser reads PostgreSQL ${EMBEDDED_VERSION}: start the version of Purser that made it, or set DATA_DIR to another folder`,
    );
  }
  if (inside.includes("base") && (await namesIn(join(files, "base"))).length > 0) {
    throw new DataFolderError(
      folder,
      "has data, and its file postgres/PG_VERSION is missing: restore the folder from a backup, or set DATA_DIR to another one",
    );
  }
}

/** Why PGlite could not open the folder. It says little itself. */
export async function explainOpening(folder: string, cause: unknown): Promise<DataFolderError> {
  const freeMib = await statfs(folder).then(
    ({ bavail, bsize }) => (bavail * bsize) / MIB,
    () => Number.POSITIVE_INFINITY,
  );
  const { name, message, code } = cause as { name?: string; message?: unknown; code?: string };
  if (code === "ENOSPC" || freeMib < FREE_MIB_MIN) {
    const why = `is on a disk with ${Math.floor(freeMib)} MiB free, and the embedded store needs at least ${FREE_MIB_MIN}: make room, or set DATA_DIR to another folder`;
    return new DataFolderError(folder, why, { cause });
  }
  const said = typeof message === "string" && message !== "" ? message.split("\n", 1)[0] : name;
  const why = `cannot be opened, since its files are damaged or incomplete (PGlite says: ${said}): restore the folder from a backup, or set DATA_DIR to another one`;
  return new DataFolderError(folder, why, { cause });
}

const IS_FILE = "is a file, or is inside of one: set DATA_DIR to a folder";
const NO_RIGHT =
  "cannot be written by this user: change its owner or its rights, or set DATA_DIR to another folder";
const READ_ONLY = "is on a file system that takes no writes: set DATA_DIR to a folder on another one";
const FULL = "is on a disk without free space: make room, or set DATA_DIR to another folder";

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

/** SQLite's lock file is something else. */
export const brokenLock = (folder: string, cause: unknown): DataFolderError =>
  new DataFolderError(
    folder,
    `has a file ${join(folder, "lock")} that is no lock of Purser (${(cause as Error).message}): remove it, or set DATA_DIR to another folder`,
    { cause },
  );
