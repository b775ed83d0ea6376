import { cp, mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openEmbedded } from "../../src/store/database.ts";

/**
 * An empty folder of the embedded store. It is copied from a template, because initializing a new one takes seconds.
 */
export async function makeDataFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "purser-data-"));
  await cp(await template(), folder, { recursive: true });
  return folder;
}

async function template(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve("@electric-sql/pglite");
  const manifest = await readFile(join(dirname(entry), "../package.json"), "utf8");
  const { version } = JSON.parse(manifest) as { version: string };
  const target = join(tmpdir(), `purser-embedded-${version}-${process.getuid?.() ?? "user"}`);
  if (await stat(target).catch(() => undefined)) return target;
  const fresh = await mkdtemp(`${target}-`);
  const database = await openEmbedded({ folder: fresh });
  await database[Symbol.asyncDispose]();
  // Another test process may have been faster; its template is equally good.
  await rename(fresh, target).catch(() => rm(fresh, { recursive: true, force: true }));
  return target;
}
