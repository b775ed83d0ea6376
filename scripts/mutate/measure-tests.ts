import { rmSync } from "node:fs";
import { type Coverage, readCoverage } from "./coverage.ts";
import type { Ended } from "./run-test.ts";
import { onSandboxes, type Sandboxes } from "./sandbox.ts";

/** A test file that passes without mutants. */
export interface MeasuredTest {
  readonly path: string;
  readonly ms: number;
  /** undefined if not known: the test then counts as executing all files that it needs. */
  readonly coverage: Coverage | undefined;
  /** All files that the test needs, and how many imports away each is. */
  readonly steps: ReadonlyMap<string, number>;
}

/**
 * Runs each test file once without a mutant, to learn its time and what it executes.
 * Leaves out test files that fail, or take longer than all tests of a mutant may.
 */
export async function measureTests(
  sandboxes: Sandboxes,
  candidates: ReadonlyMap<string, ReadonlyMap<string, number>>,
  options: {
    wanted: ReadonlySet<string>;
    timeoutMs: number;
    onMeasured: (path: string, ended: Ended) => void;
  },
): Promise<MeasuredTest[]> {
  const measured: MeasuredTest[] = [];
  await onSandboxes(sandboxes.all, [...candidates], async (sandbox, [path, steps]) => {
    const { timeoutMs, wanted, onMeasured } = options;
    const folder = sandboxes.makeFolder();
    let ended = await sandbox.run(path, { timeoutMs, coverageFolder: folder });
    const isCounted = ended.outcome === "passed";
    const coverage = isCounted ? readCoverage(folder, sandbox.root, wanted) : undefined;
    // Counting makes long loops several times slower, and some tests fail where everything is slow.
    if (!isCounted) ended = await sandbox.run(path, { timeoutMs });
    if (ended.outcome === "passed") measured.push({ path, ms: ended.ms, coverage, steps });
    rmSync(folder, { recursive: true });
    onMeasured(path, ended);
  });
  return measured;
}
