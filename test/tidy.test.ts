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
  const specifiers = [...text.matchAll(/(?:from|import|import\(|new URL\() ?"(\.[^"]+)"/g)].map(
    ([, specifier]) => specifier,
  );
  return specifiers.map((specifier) => relative(ROOT, join(ROOT, path, "..", specifier ?? "")));
}

/** Uses of the process that only main.ts, and files with a reason, may make. */
const ENVIRONMENT = /\bprocess\s*\.\s*(?:env|exit|on)\b|\bprocess\[|\{[^}]*\benv\b[^}]*\} = process\b/;
/** Reads of the wall clock. `new Date(value)` reads nothing. */
const CLOCK =
  /\bDate\s*\.\s*now\b|\bnew Date(?!\w|\s*\(\s*[^\s)])|(?<!\bnew |\w)Date\(|\bTemporal\s*\.\s*Now\b/;
const MONEY_AS_NUMBER = /nanousd\??: number|Number\([^()]*nanousd/i;
/** Tests that do not run, or keep others from running. A reader of protobuf has a method with such a name. */
const LEFT_OUT =
  /(?<!\breader)\.(?:skip|todo|only)\b|(?<![-\w])(?:skip|todo|only)["']?\s*:|[{,]\s*(?:skip|todo|only)\s*[,}]/;

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

  it("reads the environment and the wall clock only in the listed files", () => {
    const mayReadEnvironment = new Set([
      "src/main.ts",
      // Runs in the programs of users, who may set PURSER_KEY.
      "src/client/api-key.ts",
    ]);
    const mayReadClock = new Set([
      "src/engine/commit/request-id.ts",
      "src/server/grpc.ts",
      // The expiry of a JWT is wall-clock time.
      "src/server/keys/tokens.ts",
      // The default of a parameter.
      "src/client/errors.ts",
      "src/domain/prices.ts",
    ]);
    for (const { path, text } of source) {
      if (!mayReadEnvironment.has(path)) assert.doesNotMatch(code(text), ENVIRONMENT, path);
      if (path !== "src/main.ts" && !mayReadClock.has(path)) assert.doesNotMatch(code(text), CLOCK, path);
    }
  });

  it("never keeps money in a number", () => {
    for (const { path, text } of source) {
      assert.doesNotMatch(code(text), MONEY_AS_NUMBER, path);
    }
  });

  it("has no test with skip, only or todo", () => {
    for (const { path, text } of filesIn("test").filter((file) => file.path !== "test/tidy.test.ts")) {
      assert.doesNotMatch(code(text), LEFT_OUT, path);
    }
  });
});

/** For each rule, code that it refuses, and code that it accepts. */
const SAMPLES: Readonly<Record<string, { rule: RegExp; refused: string[]; accepted: string[] }>> = {
  "tests that are left out": {
    rule: LEFT_OUT,
    refused: [
      'it.skip("works", () => {});',
      'test.todo("works");',
      'describe.only("a budget", () => {});',
      'suite.skip("a budget", () => {});',
      'suite.only("a budget", () => {});',
      "const maybe = isSlow ? it.skip : it;",
      'test("works", (t) => t.skip());',
      'test("works", (t) => { t.todo("later"); });',
      'it("works", { skip: true }, () => {});',
      'it("works", { skip: "no database" }, () => {});',
      'it("works", { skip: !hasPostgres }, () => {});',
      'it("works", { todo: "later" }, () => {});',
      'it("works", { "only": true }, () => {});',
      'it("works", { skip, timeout: 5 }, () => {});',
      'it("works", { timeout: 5, skip }, () => {});',
    ],
    accepted: [
      "reader.skip(wireType, no);",
      'it("returns the entries of one user only, if a user is given", () => {});',
      "// a rule that is tested elsewhere only: see there",
    ],
  },
  "reads of the wall clock": {
    rule: CLOCK,
    refused: [
      "const now = Date.now();",
      "const clock = Date.now;",
      "const now = new Date();",
      "const now = new Date( );",
      "const now = new Date;",
      "const f = (at = new Date()) => at;",
      "const text = Date();",
      "const now = Temporal.Now.instant();",
    ],
    accepted: [
      "const start = new Date(0);",
      "const start = new Date(\n  now.getTime(),\n);",
      "const name = withoutDate(name);",
      "const at: Date = start;",
      "const startedMs = performance.now();",
      "/** Date.now() is the clock of this machine. */",
    ],
  },
  "reads of the environment": {
    rule: ENVIRONMENT,
    refused: [
      "const url = process.env.DATABASE_URL;",
      'const url = process.env["DATABASE_URL"];',
      "const { env } = process;",
      "const { pid, env: all } = process;",
      'process["env"].HOME',
      "process.exit(1);",
      'process.on("SIGTERM", stop);',
    ],
    accepted: [
      "process.stdout.write(text);",
      "const { pid } = process;",
      "import process from 'node:process';",
    ],
  },
  "money in a number": {
    rule: MONEY_AS_NUMBER,
    refused: [
      "interface Budget { spentNanoUsd: number }",
      "const f = (costNanoUsd?: number) => {};",
      "const cost = Number(budget.spentNanoUsd);",
    ],
    accepted: ["interface Budget { spentNanoUsd: NanoUsd }", "const count = Number(tokens);"],
  },
};

describe("the rule against", () => {
  for (const [what, { rule, refused, accepted }] of Object.entries(SAMPLES)) {
    it(`${what} refuses each way to write them, and nothing else`, () => {
      for (const text of refused) assert.match(code(text), rule, text);
      for (const text of accepted) assert.doesNotMatch(code(text), rule, text);
    });
  }

  it("imports upwards sees every kind of import", () => {
    const path = "src/store/x.ts";
    for (const text of [
      'import { a } from "../server/a.ts";',
      'import "../server/a.ts";',
      'export * from "../server/a.ts";',
      'const a = await import("../server/a.ts");',
      'new Worker(new URL("../server/a.ts", import.meta.url));',
    ]) {
      assert.deepEqual(importsOf({ path, text }), ["src/server/a.ts"], text);
    }
  });
});
