import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it, mock } from "node:test";
import { promisify } from "node:util";
import { readArguments, UsageError } from "../../scripts/mutate/arguments.ts";
import { importsBelow, stepsFrom } from "../../scripts/mutate/import-graph.ts";
import { type MeasuredTest, measureTests } from "../../scripts/mutate/measure-tests.ts";
import { type Mutant, mutantsOf } from "../../scripts/mutate/mutants.ts";
import { runTest } from "../../scripts/mutate/run-test.ts";
import type { Sandbox } from "../../scripts/mutate/sandbox.ts";
import { Kills, testsOf, tryMutant } from "../../scripts/mutate/try-mutant.ts";
import { ROOT } from "../support/program.ts";

const folder = mkdtempSync(join(tmpdir(), "purser-mutate-test-"));
after(() => rmSync(folder, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

const SOURCE = `export const larger = (a: number, b: number): number => {
  if (a < b) return b;
  return a;
};
export const unused = (a: number): number => a * 2;
`;
write("package.json", '{ "type": "module" }');
write("src/larger.ts", SOURCE);
write("src/again.ts", 'export { larger } from "./larger.ts";');
const testWith = (source: string, assertion: string): string =>
  `import assert from "node:assert/strict";
import { test } from "node:test";
import { larger } from "${source}";
test("larger", () => ${assertion});
test("waits", () => larger(2, 1) === 2 ? undefined : new Promise(() => setInterval(() => {}, 1000)));`;
write("test/near.test.ts", testWith("../src/larger.ts", "assert.equal(larger(1, 2), 2)"));
write("test/far.test.ts", testWith("../src/again.ts", "assert.equal(larger(1, 2), 2)"));
write("test/idle.test.ts", testWith("../src/larger.ts", "undefined"));
write("test/other.test.ts", "");
write("test/broken.test.ts", testWith("../src/larger.ts", "assert.equal(larger(1, 2), 3)"));

/** Long enough for a test on a slow machine. */
const MINUTE_MS = 60_000;

const sandbox: Sandbox = {
  root: folder,
  run: (test, { timeoutMs, coverageFolder }) =>
    runTest(test, {
      cwd: folder,
      // Without it, Node.js takes the process for a part of the test that runs this.
      environment: { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_V8_COVERAGE: coverageFolder },
      timeoutMs,
    }),
};

async function measured(...paths: string[]): Promise<MeasuredTest[]> {
  const imports = importsBelow(folder);
  return measureTests(
    {
      all: [sandbox],
      makeFolder: () => mkdtempSync(join(folder, "coverage-")),
      [Symbol.asyncDispose]: async () => {},
    },
    new Map(paths.map((path) => [path, stepsFrom(path, imports)])),
    { wanted: new Set(["src/larger.ts"]), timeoutMs: MINUTE_MS, onMeasured: () => {} },
  );
}

/** The mutant of SOURCE with this change. */
const mutantWith = (after: string): Mutant =>
  mutantsOf("src/larger.ts", SOURCE).find((mutant) => mutant.after === after) ?? assert.fail(after);
const flipped = mutantWith("if (false) return b;");
const kept = mutantWith("a <= b");
const neverRun = mutantWith("a / 2");

describe("the imports of a file", () => {
  it("are found through other files, with the number of steps", () => {
    assert.deepEqual(
      [...stepsFrom("test/far.test.ts", importsBelow(folder))],
      [
        ["test/far.test.ts", 0],
        ["src/again.ts", 1],
        ["src/larger.ts", 2],
      ],
    );
  });
});

describe("measuring the tests", () => {
  it("leaves out a test that fails without a mutant", async () => {
    const tests = await measured("test/near.test.ts", "test/broken.test.ts");
    assert.deepEqual(
      tests.map(({ path }) => path),
      ["test/near.test.ts"],
    );
  });

  it("finds what a test executes", async () => {
    const tests = await measured("test/near.test.ts", "test/other.test.ts");
    const executing = (mutant: Mutant): string[] =>
      testsOf(mutant, tests, new Kills(), MINUTE_MS).map(({ path }) => path);
    assert.deepEqual(executing(flipped), ["test/near.test.ts"]);
    assert.deepEqual(executing(neverRun), []);
  });
});

describe("the tests of a mutant", () => {
  const test = (path: string, ms: number, steps: number): MeasuredTest => ({
    path,
    ms,
    coverage: undefined,
    steps: new Map([["src/larger.ts", steps]]),
  });
  const slow = test("slow", 5000, 1);
  const far = test("far", 1000, 4);
  const near = test("near", 1000, 1);
  const ordered = (kills: Kills, msMax: number): string[] =>
    testsOf(flipped, [slow, far, near], kills, msMax).map(({ path }) => path);

  it("are the nearest and fastest first", () => {
    assert.deepEqual(ordered(new Kills(), MINUTE_MS), ["near", "far", "slow"]);
  });

  it("are first those that noticed other mutants of the file", () => {
    const kills = new Kills();
    for (let count = 0; count < 5; count++) kills.add("slow", "src/larger.ts");
    assert.deepEqual(ordered(kills, MINUTE_MS), ["slow", "near", "far"]);
  });

  it("end when their time is used up", () => {
    assert.deepEqual(ordered(new Kills(), 2000), ["near", "far"]);
    assert.deepEqual(ordered(new Kills(), 1999), ["near"]);
  });
});

describe("a mutant", () => {
  const verdictOn = async (mutant: Mutant, ...paths: string[]) =>
    tryMutant(sandbox, mutant, await measured(...paths));

  it("is killed by the first test that fails, which need not end by itself", async () => {
    const waiting = mutantWith("if (true) return b;");
    write("test/waiting.test.ts", testWith("../src/larger.ts", "assert.equal(larger(2, 1), 2)"));
    assert.deepEqual(await verdictOn(waiting, "test/waiting.test.ts", "test/near.test.ts"), {
      kind: "killed",
      test: "test/waiting.test.ts",
    });
  });

  it("survives tests that pass", async () => {
    assert.deepEqual(await verdictOn(kept, "test/near.test.ts", "test/idle.test.ts"), {
      kind: "survived",
      tests: 2,
    });
  });

  it("is noticed by a test that does not end", async () => {
    const [idle] = await measured("test/idle.test.ts");
    assert.ok(idle !== undefined);
    // A negative time makes the limit short.
    const verdict = await tryMutant(sandbox, mutantWith("if (true) return b;"), [{ ...idle, ms: -1900 }]);
    assert.deepEqual(verdict, { kind: "timed out", test: "test/idle.test.ts" });
  });

  it("survives a failure that comes later than the test usually ends, and does not repeat", async () => {
    const [near] = await measured("test/near.test.ts");
    assert.ok(near !== undefined);
    const once = { ...sandbox, run: mock.fn<Sandbox["run"]>((test, options) => sandbox.run(test, options)) };
    once.run.mock.mockImplementationOnce(async () => ({
      outcome: "failed",
      ms: near.ms + 1,
      pid: 0,
      output: "",
    }));
    assert.deepEqual(await tryMutant(once, kept, [near]), { kind: "survived", tests: 1 });
    assert.equal(once.run.mock.callCount(), 2);
  });

  it("that no test executes is not covered", async () => {
    assert.deepEqual(await tryMutant(sandbox, neverRun, []), { kind: "not covered" });
  });

  it("is taken back after its tests", () => {
    assert.equal(readFileSync(join(folder, "src/larger.ts"), "utf8"), SOURCE);
  });
});

describe("npm run test:mutate", () => {
  const run = promisify(execFile);
  const mutate = (...args: string[]) =>
    run(process.execPath, ["--disable-warning=ExperimentalWarning", "scripts/mutate.ts", ...args], {
      cwd: ROOT,
    });

  it("--list prints the mutants and runs nothing", async () => {
    const { stdout, stderr } = await mutate("--list", "src/domain/backoff.ts");
    assert.match(stdout, /^(?:src\/domain\/backoff\.ts:\d+: [^\n]+ -> [^\n]*\n)+$/);
    assert.equal(stderr, "");
  });

  it("--sample chooses as many mutants, and the same ones for a seed", async () => {
    const list = async (seed: string) =>
      (await mutate("--list", "src/domain/text.ts", "src/domain/name.ts", "--sample", "3", "--seed", seed))
        .stdout;
    const first = await list("7");
    assert.equal(first.split("\n").length, 7);
    assert.equal(await list("7"), first);
    assert.notEqual(await list("8"), first);
  });

  it("ends with exit code 2 if the command line is invalid", async () => {
    await assert.rejects(mutate("src/nothing"), { code: 2, stderr: "mutate: there is no src/nothing\n" });
  });
});

describe("the command line", () => {
  it("has defaults", () => {
    assert.deepEqual(readArguments(["src/domain/"]), {
      paths: ["src/domain"],
      tests: ["test"],
      sample: undefined,
      seed: 1,
      secondsMax: 60,
      list: false,
    });
  });

  it("may name several folders, of code and of tests", () => {
    const options = readArguments(["a", "b", "--tests", "test/domain/", "--tests", "test/server"]);
    assert.deepEqual(
      [options?.paths, options?.tests],
      [
        ["a", "b"],
        ["test/domain", "test/server"],
      ],
    );
  });

  const REFUSED: [line: string, why: string][] = [
    ["", "mutate which folder or file? Try --help"],
    ["a --sample 0", '--sample: must be an integer of at least 1, and is "0"'],
    ["a --seed 1.5", '--seed: must be an integer of at least 0, and is "1.5"'],
    ["a --all", "Unknown option '--all'"],
  ];
  for (const [line, why] of REFUSED) {
    it(`is refused with "${why}"`, () => {
      assert.throws(
        () => readArguments(line.split(" ").filter(Boolean)),
        (error) => error instanceof UsageError && error.message === why,
      );
    });
  }
});
