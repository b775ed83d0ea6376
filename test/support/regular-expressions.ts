import { readdirSync, readFileSync } from "node:fs";
import { createRequire, stripTypeScriptTypes } from "node:module";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "acorn";
import type * as recheck from "recheck";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

// The package's main module starts a native program; this import is the same checker in JavaScript.
const { checkSync } = createRequire(import.meta.url)("recheck/lib/browser.js") as typeof recheck;

/** A regular expression of the sources. */
export interface Found {
  readonly where: string;
  readonly source: string;
  readonly flags: string;
}

/** All regular expressions of src: the literals, and the places where others are built from text. */
export function regularExpressions(): { literals: Found[]; builtIn: string[] } {
  const literals: Found[] = [];
  const builtIn = new Set<string>();
  for (const entry of readdirSync(join(ROOT, "src"), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
    const path = join(entry.parentPath, entry.name);
    const file = relative(ROOT, path);
    for (const node of nodesIn(readFileSync(path, "utf8"))) {
      const regex = node["regex"] as { pattern: string; flags: string } | undefined;
      if (regex !== undefined) literals.push({ where: file, source: regex.pattern, flags: regex.flags });
      if (node["type"] === "Identifier" && node["name"] === "RegExp") builtIn.add(file);
    }
  }
  return { literals, builtIn: [...builtIn].toSorted() };
}

type SyntaxNode = Readonly<Record<string, unknown>>;

function* nodesIn(typeScript: string): Generator<SyntaxNode> {
  const waiting: unknown[] = [
    parse(stripTypeScriptTypes(typeScript), { ecmaVersion: "latest", sourceType: "module" }),
  ];
  while (waiting.length > 0) {
    const node = waiting.pop();
    if (typeof node !== "object" || node === null) continue;
    if (!Array.isArray(node)) yield node as SyntaxNode;
    for (const value of Object.values(node)) waiting.push(value);
  }
}

/**
 * Why the time of a regular expression is not proven to be linear in the length of the text, or undefined if it is
 * proven. The proof uses automata: it holds for all texts, and for a search that starts anywhere.
 */
export function notProvenLinear({ source, flags }: Omit<Found, "where">): string | undefined {
  const verdict = checkSync(source, flags, { checker: "automaton", timeout: 60_000 });
  if (verdict.status === "safe") return undefined;
  return verdict.status === "unknown" ? verdict.error.kind : verdict.complexity.summary;
}
