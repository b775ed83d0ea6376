import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

/** The house rules that a test can check. */

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const LINES_MAX = 300;
const MEDIAN_LINES_MAX = 120;

const filesIn = (folder: string): { path: string; text: string }[] =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(ROOT, path), text: readFileSync(path, "utf8") }));

const source = filesIn("src");
const linesOf = (text: string): number => text.split("\n").length;
/** Code without its comments, which may mention anything. */
const code = (text: string): string => text.replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "");

/** From top to bottom: a file may import from its own layer and from those below. */
const LAYERS = ["client", "main", "command", "server", "legacy", "engine", "workers", "store", "domain"];
/** The folders of src/engine, from top to bottom. */
const ENGINE_LAYERS = ["upkeep", "read", "commit", "pricing"];
// Read once at the top and passed down as a value, so every layer may import its type.
const FREE = new Set(["config"]);

const layerOf = (path: string): string => path.split("/")[1]?.replace(/\.ts$/, "") ?? "";

function importsOf({ path, text }: { path: string; text: string }): string[] {
  const specifiers = [...text.matchAll(/(?:from|import|new URL\() ?"(\.[^"]+)"/g)].map(
    ([, specifier]) => specifier,
  );
  return specifiers.map((specifier) => relative(ROOT, join(ROOT, path, "..", specifier ?? "")));
}

describe("the code", () => {
  it("imports downwards only", () => {
    for (const file of source) {
      const from = layerOf(file.path);
      if (FREE.has(from)) continue;
      for (const target of importsOf(file).filter((path) => path.startsWith("src/"))) {
        const to = layerOf(target);
        if (FREE.has(to)) continue;
        assert.ok(
          LAYERS.includes(from) && LAYERS.includes(to),
          `${file.path} or ${target} is in no known layer`,
        );
        assert.ok(
          LAYERS.indexOf(to) >= LAYERS.indexOf(from),
          `${file.path} imports ${target}, which is above it`,
        );
      }
    }
  });

  it("imports downwards inside the engine", () => {
    const folderOf = (path: string): string | undefined => /^src\/engine\/(\w+)\//.exec(path)?.[1];
    for (const file of source) {
      const from = folderOf(file.path);
      if (from === undefined) continue;
      assert.ok(ENGINE_LAYERS.includes(from), `${file.path} is in no known folder of the engine`);
      for (const target of importsOf(file)) {
        const to = folderOf(target);
        if (to === undefined) continue;
        assert.ok(
          ENGINE_LAYERS.indexOf(to) >= ENGINE_LAYERS.indexOf(from),
          `${file.path} imports ${target}, which is above it`,
        );
      }
    }
  });

  it("keeps the domain free of I/O and of the wire format", () => {
    const allowed = /^(\.|node:crypto$|@pydantic\/genai-prices$|js-tiktoken|lru-cache$)/;
    for (const { path, text } of source.filter((file) => layerOf(file.path) === "domain")) {
      for (const [, specifier = ""] of text.matchAll(/from "([^"]+)"/g)) {
        assert.match(specifier, allowed, `${path} imports ${specifier}`);
      }
    }
  });

  it("has short files", () => {
    const lengths = source.map(({ text }) => linesOf(text)).toSorted((a, b) => a - b);
    assert.ok((lengths[Math.floor(lengths.length / 2)] ?? 0) <= MEDIAN_LINES_MAX, lengths.join());
    for (const { path, text } of [
      ...source,
      ...filesIn("test"),
      ...filesIn("examples"),
      ...filesIn("scripts"),
    ]) {
      assert.ok(linesOf(text) <= LINES_MAX, `${path} has ${linesOf(text)} lines`);
    }
  });

  it("reads the environment in main.ts alone, and the wall clock only in the listed files", () => {
    const mayReadClock = new Set(["src/engine/commit/request-id.ts", "src/server/grpc.ts"]);
    for (const { path, text } of source) {
      if (path === "src/main.ts") continue;
      assert.doesNotMatch(code(text), /process\.env|process\.exit|process\.on/, path);
      if (!mayReadClock.has(path)) assert.doesNotMatch(code(text), /Date\.now\(|Temporal\.Now/, path);
    }
  });

  it("never keeps money in a number", () => {
    for (const { path, text } of source) {
      assert.doesNotMatch(code(text), /nanousd\??: number/i, path);
      assert.doesNotMatch(code(text), /Number\([^()]*nanousd/i, path);
    }
  });

  it("has no test with skip, only or todo", () => {
    for (const { path, text } of filesIn("test").filter((file) => file.path !== "test/tidy.test.ts")) {
      assert.doesNotMatch(text, /\b(?:it|test|describe)\.(?:skip|todo|only)\b|\bskip: true/, path);
    }
  });
});
