import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../../support/program.ts";

/** The Python client. */
export const PACKAGE = join(ROOT, "clients/python");

/** The packages that a file of requirements pins. */
export async function pinned(name: string): Promise<string[]> {
  const requirements = await readFile(join(PACKAGE, "tests", name), "utf8");
  return requirements.split("\n").filter((line) => /^\w/.test(line));
}

/** What a command printed says why it failed. */
export async function explained<T>(running: Promise<T>): Promise<T> {
  try {
    return await running;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${(error as Error).message}\n${stdout}\n${stderr}`, { cause: error });
  }
}
