import { execFile } from "node:child_process";
import { hash } from "node:crypto";
import { mkdtemp, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const INSTALL_MS_MAX = 900_000;
const KEY_CHARACTERS = 16;

/** Python with its own packages. */
export interface PythonVenv {
  /**
   * Path of the interpreter. Run modules as `python -m name`, because the scripts in its folder contain the path of the
   * folder that it was made in.
   */
  python: string;
}

/**
 * A virtual environment with these packages, from the index that pip is configured for. It is made once for a set of
 * requirements and kept in the temporary folder for later runs, so pin exact versions, as in `litellm==1.109.1`;
 * otherwise it keeps old ones.
 * @param requirements Arguments of pip install, options included.
 * @throws Error if python3 or its venv module is missing, or pip cannot install.
 */
export async function pythonVenv(requirements: readonly string[]): Promise<PythonVenv> {
  const { stdout: version } = await explained(
    run("python3", ["-c", "import sys; print(sys.version, sys.prefix)"]),
  );
  const key = hash("sha256", JSON.stringify([version, requirements])).slice(0, KEY_CHARACTERS);
  const target = join(tmpdir(), `purser-python-${process.getuid?.() ?? "user"}-${key}`);
  if ((await stat(target).catch(() => undefined)) === undefined) await make(target, requirements);
  return { python: pythonIn(target) };
}

const pythonIn = (folder: string): string =>
  process.platform === "win32" ? join(folder, "Scripts", "python.exe") : join(folder, "bin", "python");

/** Built in a neighbouring folder and then renamed, so the folder is complete as soon as it exists. */
async function make(target: string, requirements: readonly string[]): Promise<void> {
  const fresh = await mkdtemp(`${target}-`);
  try {
    await explained(run("python3", ["-m", "venv", fresh]));
    const quiet = ["--quiet", "--disable-pip-version-check", "--no-input"];
    await run(pythonIn(fresh), ["-m", "pip", "install", ...quiet, ...requirements], {
      timeout: INSTALL_MS_MAX,
    });
    // Another test process may have been faster; its folder is equally good.
    await rename(fresh, target).catch(() => stat(target));
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

async function explained<T>(running: Promise<T>): Promise<T> {
  try {
    return await running;
  } catch (error) {
    const said = (error as Error).message;
    throw new Error(`this test needs python3 on the PATH, with its venv module: ${said}`, { cause: error });
  }
}
