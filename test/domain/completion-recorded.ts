import { readFileSync } from "node:fs";

/** A recorded response, by its name in test/fixtures/completions. */
export const recorded = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(new URL(`../fixtures/completions/${name}.json`, import.meta.url), "utf8"));
