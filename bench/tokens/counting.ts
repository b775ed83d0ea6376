import { type CountJob, createTokenCounter, type TokenCounter } from "../../src/workers/tokens.ts";
import { cook, MEGABYTE, megabytes, newRecipe, type Recipe, TYPICAL } from "./inputs.ts";
import { median, repeated, timed } from "./measure.ts";
import { createRandom } from "./random.ts";

export interface Throughput {
  kind: string;
  threads: number;
  countsPerSecond: number;
}

const CALLER = { caller: "bench" };
const QUEUE = { queueJobsMax: 20_000, queueBytesMax: 2 ** 29 };
const WINDOW_MS = 400;
// Enough jobs in flight that a thread never waits for the next one.
const IN_FLIGHT = 32;

/** Measures the counts per second with these numbers of threads. */
export async function measureThroughput(
  repetitions: number,
  pools: readonly number[],
): Promise<Throughput[]> {
  const results: Throughput[] = [];
  for (const threads of pools) {
    await using counter = await warmCounter(threads);
    for (const [kind, job] of TYPICAL) {
      await countsPerSecond(counter, job);
      const values = await repeated(repetitions, () => countsPerSecond(counter, job));
      results.push({ kind, threads, countsPerSecond: median(values) });
    }
  }
  return results;
}

async function countsPerSecond(counter: TokenCounter, job: CountJob): Promise<number> {
  const start = performance.now();
  let counts = 0;
  const lane = async (): Promise<void> => {
    for (; performance.now() - start < WINDOW_MS; counts++) await counter.count(job, CALLER);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return (counts * 1000) / (performance.now() - start);
}

export interface Timing {
  kind: string;
  tokens: number;
  milliseconds: number;
}

/** Measures how long 1 MB of each kind of text takes on one thread. */
export async function measureMegabytes(repetitions: number, seed: number): Promise<Timing[]> {
  await using counter = await warmCounter(1);
  const timings: Timing[] = [];
  for (const [kind, text] of megabytes(createRandom(seed))) {
    const job = { model: "gpt-4o", text };
    let tokens = 0;
    const values = await repeated(repetitions, () =>
      timed(async () => (tokens = await counter.count(job, CALLER))),
    );
    timings.push({ kind, tokens, milliseconds: median(values) });
  }
  return timings;
}

export interface Worst {
  texts: number;
  recipe: Recipe;
  /** The length of the fuzzed text. */
  bytes: number;
  milliseconds: number;
  /** The same recipe at 1 MB. */
  megabyteMilliseconds: number;
}

const FUZZED_BYTES = 262_144;

/** Searches for the slowest text of a fixed length, for the given number of seconds. */
export async function fuzz(seconds: number, seed: number): Promise<Worst> {
  await using counter = await warmCounter(1);
  const random = createRandom(seed);
  const time = (recipe: Recipe, bytes: number): Promise<number> => {
    const job = { model: recipe.model, text: cook(recipe, bytes) };
    return timed(() => counter.count(job, CALLER));
  };
  const end = performance.now() + seconds * 1000;
  let texts = 0;
  let worst = { recipe: newRecipe(random), milliseconds: 0 };
  while (texts === 0 || performance.now() < end) {
    const recipe = newRecipe(random);
    texts++;
    if ((await time(recipe, FUZZED_BYTES)) <= worst.milliseconds) continue;
    // One slow count may be due to garbage collection or another process, so the minimum of several counts is used.
    const milliseconds = Math.min(...(await repeated(3, () => time(recipe, FUZZED_BYTES))));
    if (milliseconds > worst.milliseconds) worst = { recipe, milliseconds };
  }
  const megabyteMilliseconds = median(await repeated(3, () => time(worst.recipe, MEGABYTE)));
  return { texts, bytes: FUZZED_BYTES, ...worst, megabyteMilliseconds };
}

async function warmCounter(threads: number): Promise<TokenCounter> {
  const counter = createTokenCounter({ threads, ...QUEUE });
  const models = ["gpt-4o", "gpt-4"];
  const jobs = Array.from({ length: threads * 4 }, (_, index) => ({
    model: models[index % 2] ?? "gpt-4o",
    text: "warm ".repeat(20_000),
  }));
  await Promise.all(jobs.map((job) => counter.count(job, CALLER)));
  return counter;
}
