import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { mutantsOf } from "../../scripts/mutate/mutants.ts";
import { lineOf } from "../../scripts/mutate/report.ts";
import { readSyntax } from "../../scripts/mutate/syntax.ts";
import { ROOT } from "../support/program.ts";

/** The mutants of a text, as "before -> after". */
const changesOf = (text: string): string[] =>
  mutantsOf("src/a.ts", text).map(({ before, after }) => `${before} -> ${after}`);

const CHANGED: [code: string, ...changes: string[]][] = [
  ["a < b;", "a < b -> a <= b"],
  ["a >= b;", "a >= b -> a > b"],
  ["a === b;", "a === b -> a !== b"],
  ["(a as number) + (b as number);", "(a as number) + (b as number) -> (a as number) - (b as number)"],
  ['a + "b";', '"b" -> ""'],
  ["a * b;", "a * b -> a / b"],
  ["a && b;", "a && b -> a || b"],
  ["a /* or a || b */ || b;", "a /* or a || b */ || b -> a /* or a || b */ && b"],
  ["(a) ?? (b);", "(a) ?? (b) -> (a)"],
  ["!a;", "!a -> a"],
  ["a += b;", "a += b; -> ;", "a += b -> a -= b"],
  ["a++;", "a++; -> ;", "a++ -> a--"],
  ["f();", "f(); -> ;"],
  ["void f();", "void f(); -> ;"],
  ["let a = 1_000;", "1_000 -> 1001"],
  ["let a: 5n = 5n;", "5n -> 6n"],
  ["let a = true;", "true -> false"],
  ['let a: "a" | "b" = "a";', '"a" -> ""'],
  ['let a = "";', '"" -> "mutant"'],
  ["let a = `b${c}`;", '`b${c}` -> ""'],
  ["let a = b ? c : d;", "b ? c : d -> true ? c : d", "b ? c : d -> false ? c : d"],
  ["let a = b.filter(c);", "b.filter(c) -> b"],
  ["let a = b?.toSorted();", "b?.toSorted() -> b"],
  ["let a = b.some(c);", "b.some(c) -> b.every(c)"],
  ["let a = Math.min(b, c);", "Math.min(b, c) -> Math.max(b, c)"],
  ["while (a) b;", "while (a) b; -> while (false) b;"],
  ["for (; a; a++) b;", "for (; a; a++) b; -> for (; false; a++) b;"],
  ["if (a) b;", "if (a) b; -> if (true) b;", "if (a) b; -> if (false) b;"],
  ["const f = (): number => { a; return b; };", "return b; -> ;"],
];

const LEFT_OUT: [what: string, code: string][] = [
  [
    "the paths of modules",
    'import a from "a"; export { b } from "b"; export * from "c"; new URL("d", e); await import("f");',
  ],
  ["types", 'type A = "a" | 1; interface B { c: "d" } const e = f as "g";'],
  ["names of properties", 'const a = { "b": c, 1: d };'],
  [
    "the texts of errors that report a defect",
    'const a = new Error(`b ${c}`); const d = new TypeError("e");',
  ],
  [
    "fallbacks that only the compiler asks for",
    'const a = b[c] ?? 0; const [d = ""] = e; const f = b[c] ?? 0n;',
  ],
  [
    "the branch that is unreachable",
    "switch (a) { default: { const unreachable: never = a; throw unreachable; } }",
  ],
  ["tagged templates", "const a = sql`b`;"],
  ["a loop that would not end", "for (;;) a; for (a; ; a++) b;"],
  ["calls of super", "class A extends B { constructor() { super(); } }"],
];

describe("the mutants of a file", () => {
  for (const [code, ...changes] of CHANGED) {
    it(`are these for ${code}`, () => assert.deepEqual(changesOf(code), changes));
  }

  for (const [what, code] of LEFT_OUT) {
    it(`leave out ${what}`, () => assert.deepEqual(changesOf(code), []));
  }

  it("leave out the texts of the log, but not its calls", () => {
    assert.deepEqual(changesOf('log.info({ a }, "b");'), ['log.info({ a }, "b"); -> ;']);
  });

  it("leave out a statement that is all an if does, since the condition is made false", () => {
    assert.deepEqual(changesOf("if (a) { throw b; }"), [
      "if (a) { throw b; } -> if (true) { throw b; }",
      "if (a) { throw b; } -> if (false) { throw b; }",
    ]);
  });

  it("differ from the file in one place, behind types as well", () => {
    const text = "const f = (a: number, b: number): boolean =>\n  (a as number) < b;\n";
    const [mutant, ...others] = mutantsOf("src/a.ts", text);
    assert.deepEqual(others, []);
    assert.equal(mutant?.text, text.replace("<", "<="));
    assert.equal(
      mutant === undefined ? "" : lineOf(mutant),
      "src/a.ts:2: (a as number) < b -> (a as number) <= b",
    );
  });

  it("can be noticed only by what executes the right side of ??", () => {
    assert.deepEqual(
      mutantsOf("src/a.ts", "a ?? b;").map(({ position }) => position),
      [5],
    );
  });
});

describe("the positions of the syntax tree", () => {
  it("are those of the file, for every file of src/", () => {
    for (const path of globSync("src/**/*.ts", { cwd: ROOT })) {
      assert.doesNotThrow(() => readSyntax(readFileSync(join(ROOT, path), "utf8")), path);
    }
  });

  it("take no token from a comment or a text", () => {
    const syntax = readSyntax('a("<" /* < */) < b;');
    assert.equal(syntax.tokenAfter(0, "<"), 15);
  });
});
