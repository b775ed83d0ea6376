import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../support/program.ts";

/** A page of the documentation. */
export interface Page {
  /** Its path from the root of the repository. */
  path: string;
  text: string;
}

/** A fenced block of a page. */
export interface Block {
  language: string;
  text: string;
  /** The page and its first line, for messages. */
  where: string;
  /** The expected output: the `text` block right after it. */
  prints?: string;
}

/** The pages for readers, in reading order. */
export const PAGES: readonly Page[] = [
  "README.md",
  ...globSync("docs/*.md", { cwd: ROOT }).toSorted(),
  "clients/python/README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "SECURITY.md",
].map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));

/** The blocks of a page in their order. A `text` block belongs to the program before it. */
export function blocksOf({ path, text }: Page): Block[] {
  const blocks: Block[] = [];
  for (const match of text.matchAll(/^```(\S*)\n([^]*?)^```$/gm)) {
    const [, language = "", body = ""] = match;
    const line = text.slice(0, match.index).split("\n").length;
    const block = { language, text: body, where: `${path}:${line}` };
    const program = blocks.at(-1);
    if (language === "text" && program !== undefined && ["ts", "py"].includes(program.language))
      program.prints = body;
    else blocks.push(block);
  }
  return blocks;
}

/** The commands of a `sh` block, which are separated by blank lines. */
export const commandsOf = (block: Block): string[] =>
  block.text
    .split("\n\n")
    .map((command) => command.trim())
    .filter((command) => command !== "");

/** The commands of a `console` block with their expected output. An ellipsis stands for any text. */
export const consoleOf = (block: Block): { command: string; prints: string }[] =>
  block.text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf("\n");
      return { command: part.slice(0, end), prints: part.slice(end + 1) };
    });

/** Whether a text matches what a page shows. */
export const isShown = (text: string, shown: string): boolean => {
  const pattern = shown
    .trimEnd()
    .split("…")
    .map((part) => RegExp.escape(part))
    .join("[^]*");
  return new RegExp(`^${pattern}$`).test(text.trimEnd());
};
