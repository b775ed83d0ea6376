import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executes } from "./coverage.ts";
import type { MeasuredTest } from "./measure-tests.ts";
import type { Mutant } from "./mutants.ts";
import type { Ended } from "./run-test.ts";
import type { Sandbox } from "./sandbox.ts";

/** Whether the tests notice a mutant. */
export type Verdict =
  | { readonly kind: "killed" | "timed out"; readonly test: string }
  | { readonly kind: "survived"; readonly tests: number }
  | { readonly kind: "not covered" };

/** How often a test file has noticed a mutant of a file. Such a test runs earlier for the next mutants of the file. */
export class Kills {
  readonly #counts = new Map<string, number>();

  of(test: string, path: string): number {
    return this.#counts.get(`${test} ${path}`) ?? 0;
  }

  add(test: string, path: string): void {
    this.#counts.set(`${test} ${path}`, this.of(test, path) + 1);
  }
}

/** The tests that execute the mutant: the nearest and fastest first, for as long as the time of all of them allows. */
export function testsOf(
  mutant: Mutant,
  tests: readonly MeasuredTest[],
  kills: Kills,
  msMax: number,
): MeasuredTest[] {
  const rank = ({ path, ms, steps }: MeasuredTest): number =>
    (ms * (steps.get(mutant.path) ?? 1)) / (1 + kills.of(path, mutant.path));
  const executing = tests
    .filter(({ coverage, steps }) =>
      coverage === undefined ? steps.has(mutant.path) : executes(coverage, mutant.path, mutant.position),
    )
    .toSorted((a, b) => rank(a) - rank(b));
  let leftMs = msMax;
  return executing.filter(({ ms }) => (leftMs -= ms) >= 0);
}

/** A test that a mutant does not change may still take longer, because other tests run beside it. */
const timeoutMsOf = ({ ms }: MeasuredTest): number => 5 * ms + 10_000;

/**
 * A test that fails later than it usually ends may have failed because the machine is busy, for example at a deadline.
 * It runs again, and must fail again.
 */
async function outcomeOf(sandbox: Sandbox, test: MeasuredTest): Promise<Ended["outcome"]> {
  const timeoutMs = timeoutMsOf(test);
  const { outcome, ms } = await sandbox.run(test.path, { timeoutMs });
  if (outcome !== "failed" || ms <= test.ms) return outcome;
  return (await sandbox.run(test.path, { timeoutMs })).outcome;
}

/** Runs the tests on the mutant until one fails. A test that takes much longer than usual has noticed it too. */
export async function tryMutant(
  sandbox: Sandbox,
  mutant: Mutant,
  tests: readonly MeasuredTest[],
): Promise<Verdict> {
  if (tests.length === 0) return { kind: "not covered" };
  const file = join(sandbox.root, mutant.path);
  const original = readFileSync(file, "utf8");
  writeFileSync(file, mutant.text);
  try {
    for (const test of tests) {
      const outcome = await outcomeOf(sandbox, test);
      if (outcome === "failed") return { kind: "killed", test: test.path };
      if (outcome === "timed out") return { kind: "timed out", test: test.path };
    }
  } finally {
    writeFileSync(file, original);
  }
  return { kind: "survived", tests: tests.length };
}
