import { SETTINGS } from "../../src/config.ts";

/** The README's table of settings, as config.ts has them. */
export const settingsTable = (): string =>
  [
    "| variable | default | allowed | about |",
    "| --- | --- | --- | --- |",
    ...Object.entries(SETTINGS).map(
      ([name, { shown, allowed, about }]) => `| ${name} | ${shown} | ${allowed} | ${about} |`,
    ),
  ].join("\n");
