import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRandom } from "../test/support/random.ts";
import { HELP, isWithin, type Options, readArguments, UsageError } from "./mutate/arguments.ts";
import { importsBelow, stepsFrom } from "./mutate/import-graph.ts";
import { measureTests } from "./mutate/measure-tests.ts";
import { isValid, type Mutant, mutantsOf } from "./mutate/mutants.ts";
import { lineOf, scoreLine, survivorLine, type Tried } from "./mutate/report.ts";
import { sample } from "./mutate/sample.ts";
import { onSandboxes, openSandboxes } from "./mutate/sandbox.ts";
import { Kills, testsOf, tryMutant } from "./mutate/try-mutant.ts";

/** Names changes of the code that no test notices: `npm run test:mutate -- src/domain`. It is a report, not a gate. */

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const SANDBOXES = 2;
const PROGRESS_EVERY = 10;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const note = (line: string): void => void process.stderr.write(`${line}\n`);

/** The mutants of a folder or file, of which some were chosen. */
interface Target {
  readonly path: string;
  readonly total: number;
  readonly chosen: readonly Mutant[];
}

function readTarget(path: string, { sample: count, seed }: Options): Target {
  const files = globSync([path, `${path}/**/*.ts`], { cwd: ROOT })
    .filter((file) => file.endsWith(".ts"))
    .toSorted();
  if (files.length === 0) throw new UsageError(`there is no ${path}`);
  const mutants = files.flatMap((file) => mutantsOf(file, readFileSync(join(ROOT, file), "utf8")));
  const chosen = sample(mutants, count ?? mutants.length, createRandom(seed));
  return { path, total: mutants.length, chosen: chosen.filter(({ text }) => isValid(text)) };
}

/** The test files that need one of the files, and how many imports away each file is. */
function testsThatNeed(files: ReadonlySet<string>, places: readonly string[]) {
  const imports = importsBelow(ROOT);
  const tests = globSync("test/**/*.test.ts", { cwd: ROOT }).filter((path) => isWithin(path, places));
  const steps = tests.map((path) => [path, stepsFrom(path, imports)] as const);
  return new Map(steps.filter(([, reached]) => !files.isDisjointFrom(reached)));
}

async function run(options: Options, targets: readonly Target[]): Promise<void> {
  const files = new Set(targets.flatMap(({ chosen }) => chosen.map(({ path }) => path)));
  const candidates = testsThatNeed(files, options.tests);
  await using sandboxes = await openSandboxes(ROOT, SANDBOXES);
  const msMax = options.secondsMax * 1000;
  note(`measuring ${candidates.size} test files`);
  const tests = await measureTests(sandboxes, candidates, {
    wanted: files,
    timeoutMs: msMax,
    onMeasured(path, { outcome, ms, output }) {
      if (outcome === "passed") return;
      const [failure = ""] = /^ *not ok .*/m.exec(output) ?? [];
      note(`left out: ${path} ${outcome} after ${Math.round(ms)} ms without a mutant ${failure.trim()}`);
    },
  });
  for (const { path, total, chosen } of targets) {
    const kills = new Kills();
    const tried: Tried[] = [];
    await onSandboxes(sandboxes.all, chosen, async (sandbox, mutant) => {
      const verdict = await tryMutant(sandbox, mutant, testsOf(mutant, tests, kills, msMax));
      if ("test" in verdict) kills.add(verdict.test, mutant.path);
      tried.push({ mutant, verdict });
      const line = survivorLine({ mutant, verdict });
      if (line !== undefined) say(line);
      // A test may also be late because the machine is busy.
      if (verdict.kind === "timed out") note(`${verdict.test} timed out: ${lineOf(mutant)}`);
      if (tried.length % PROGRESS_EVERY === 0) note(`${path}: ${tried.length} of ${chosen.length}`);
    });
    say(scoreLine(path, total, tried));
  }
}

async function main(args: readonly string[]): Promise<void> {
  const options = readArguments(args);
  if (options === undefined) return void process.stdout.write(HELP);
  const targets = options.paths.map((path) => readTarget(path, options));
  if (!options.list) return run(options, targets);
  for (const mutant of targets.flatMap(({ chosen }) => chosen)) say(lineOf(mutant));
}

if (import.meta.main) {
  // Otherwise Node ends at once, and leaves the copies and the test processes.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    note(`mutate: ${error.message}`);
    process.exitCode = 2;
  }
}
