import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { executes } from "../../scripts/mutate/coverage.ts";
import { mutantsOf } from "../../scripts/mutate/mutants.ts";
import { scoreLine, survivorLine } from "../../scripts/mutate/report.ts";
import { interval95, sample } from "../../scripts/mutate/sample.ts";
import type { Verdict } from "../../scripts/mutate/try-mutant.ts";
import { createRandom } from "../support/random.ts";

describe("a sample", () => {
  const items = Array.from({ length: 103 }, (_, index) => index);

  it("has one item from each part of the list", () => {
    const chosen = sample(items, 10, createRandom(1));
    assert.deepEqual(
      chosen.map((item) => Math.floor((item * 10 + 9) / 103)),
      items.slice(0, 10),
    );
  });

  it("is the whole list if it is short", () => assert.deepEqual(sample(items, 200, createRandom(1)), items));
});

describe("the interval of a score", () => {
  // From https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval, Wilson's without a correction.
  for (const [hits, count, low, high] of [
    [170, 200, "0.794", "0.893"],
    [0, 10, "0.000", "0.278"],
    [10, 10, "0.722", "1.000"],
    [0, 0, "0.000", "1.000"],
  ] as const) {
    it(`of ${hits} in ${count} is ${low} to ${high}`, () => {
      assert.deepEqual(
        interval95(hits, count).map((bound) => bound.toFixed(3)),
        [low, high],
      );
    });
  }
});

describe("the report", () => {
  const [mutant] = mutantsOf("src/a.ts", "a < b;");
  assert.ok(mutant !== undefined);
  const tried = (...verdicts: Verdict[]) => verdicts.map((verdict) => ({ mutant, verdict }));
  const killed: Verdict = { kind: "killed", test: "t" };

  it("names what no test notices, and nothing else", () => {
    assert.deepEqual(
      tried(
        killed,
        { kind: "timed out", test: "t" },
        { kind: "survived", tests: 2 },
        { kind: "not covered" },
      ).map(survivorLine),
      [
        undefined,
        undefined,
        "src/a.ts:1: a < b -> a <= b",
        "src/a.ts:1: a < b -> a <= b (no test executes it)",
      ],
    );
  });

  it("counts a timeout as noticed, and what no test executes as not noticed", () => {
    const all = tried(
      killed,
      { kind: "timed out", test: "t" },
      { kind: "survived", tests: 2 },
      { kind: "not covered" },
    );
    assert.equal(
      scoreLine("src", 4, all),
      "src: 50.0 % of 4 mutants noticed: 1 by a failure, 1 by a timeout; 1 survived, 1 are executed by no test",
    );
  });

  it("gives the interval of a sample", () => {
    assert.match(
      scoreLine("src", 99, tried(killed)),
      /^src: 100\.0 % of 1 mutants noticed \(a sample of 99; 95 % interval 20\.7 to 100\.0 %\): 1 by a failure/,
    );
  });
});

describe("what a test executes", () => {
  const range = (startOffset: number, endOffset: number, count: number) => ({
    startOffset,
    endOffset,
    count,
  });
  const outer = range(0, 100, 1);

  it("is said by the smallest range around the position", () => {
    const coverage = new Map([["src/a.ts", [[outer, range(10, 50, 0), range(20, 30, 2)]]]]);
    const executed = [5, 10, 20, 29, 30, 49, 50, 100].filter((position) =>
      executes(coverage, "src/a.ts", position),
    );
    assert.deepEqual(executed, [5, 20, 29, 50]);
  });

  it("is what any of its processes executes", () => {
    const coverage = new Map([["src/a.ts", [[outer, range(10, 50, 0)], [outer]]]]);
    assert.ok(executes(coverage, "src/a.ts", 20));
    assert.ok(!executes(coverage, "src/b.ts", 20));
  });
});
