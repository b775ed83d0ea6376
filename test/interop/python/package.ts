import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "../../support/program.ts";
import { pythonVenv } from "../../support/python.ts";

const run = promisify(execFile);

/** The source folder of the Python client. */
export const PACKAGE = join(ROOT, "clients/python");

/** The packages that a file of requirements pins. */
export async function pinned(name: string): Promise<string[]> {
  const requirements = await readFile(join(PACKAGE, "tests", name), "utf8");
  return requirements.split("\n").filter((line) => /^\w/.test(line));
}

/** Puts the output of a failed command into the error. */
export async function explained<T>(running: Promise<T>): Promise<T> {
  try {
    return await running;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${(error as Error).message}\n${stdout}\n${stderr}`, { cause: error });
  }
}

/** Python with the packages that the client's tests need, and with the client installed as from a registry. */
export interface InstalledPackage extends AsyncDisposable {
  python: string;
  /** The folder that it is installed in, for PYTHONPATH. */
  site: string;
}

export async function installPackage(): Promise<InstalledPackage> {
  const requirements = await pinned("requirements.txt");
  const { python } = await pythonVenv(["--no-deps", "--no-compile", ...requirements]);
  const folder = await mkdtemp(join(tmpdir(), "purser-package-"));
  const site = join(folder, "site");
  // The wheel is built from the source distribution, so this checks that both are complete.
  await run(python, ["-m", "build", "--no-isolation", "--outdir", folder, PACKAGE]);
  const wheel = (await readdir(folder))
    .filter((name) => name.endsWith(".whl"))
    .map((name) => join(folder, name));
  await run(python, ["-m", "pip", "install", "--quiet", "--no-deps", "--target", site, ...wheel]);
  return { python, site, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
