import { readFile, writeFile } from "node:fs/promises";
import type { Setting } from "../src/config/kinds.ts";
import { fileVariable } from "../src/config/secret-files.ts";
import { SETTINGS } from "../src/config.ts";

/** Writes the table in docs/settings.md from src/config/settings.ts: `npm run docs:settings`. */
export const SETTINGS_PAGE = new URL("../docs/settings.md", import.meta.url);

const BEGIN = "<!-- Written by `npm run docs:settings`. -->\n";
const END = "\n<!-- End of the settings. -->";

/** The table of all settings, in the order of settings.ts. */
export const settingsTable = (): string =>
  [
    "| variable | default | allowed | about |",
    "| --- | --- | --- | --- |",
    ...Object.entries<Setting<unknown>>(SETTINGS)
      .flatMap(rowsOf)
      .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`),
  ].join("\n");

/** The row of a setting and, for a setting that may be in a file, the row of the variable that names the file. */
const rowsOf = ([name, { shown, allowed, about, mayBeInFile }]: [string, Setting<unknown>]): string[][] => {
  const row = [name, shown, allowed, about];
  if (mayBeInFile !== true) return [row];
  const inFile = `A file whose content is the value of ${name}, read at the start. Not allowed beside ${name}.`;
  return [row, [fileVariable(name), "", "the path of a file", inFile]];
};

/** The page with a new table between its markers. @throws Error if the page has no markers. */
export function withTable(page: string, table: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error("docs/settings.md has no markers for its table");
  return page.slice(0, begin + BEGIN.length) + table + page.slice(end);
}

if (import.meta.main) {
  await writeFile(SETTINGS_PAGE, withTable(await readFile(SETTINGS_PAGE, "utf8"), settingsTable()));
}
