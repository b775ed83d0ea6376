import { readFile, writeFile } from "node:fs/promises";
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
    ...Object.entries(SETTINGS).map(
      ([name, { shown, allowed, about }]) =>
        `| ${[name, shown, allowed, about].map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`,
    ),
  ].join("\n");

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
