import { writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { fuzz, measureMegabytes, measureThroughput } from "./tokens/counting.ts";
import { measureDelay } from "./tokens/delay.ts";
import { measureOvertaking } from "./tokens/overtaking.ts";
import {
  delayLines,
  megabyteLines,
  overtakingLines,
  type Results,
  throughputLines,
  worstLines,
} from "./tokens/report.ts";

/** Runs `npm run bench:tokens`: measures token counting and how it delays the server's other calls. */

const HELP = `Measures token counting.

  npm run bench:tokens -- [--seconds N] [--seed N] [--json FILE]

  --seconds N   how long to search for the slowest input; default: 60. Below 10, all other parts are measured only once.
  --seed N      the seed of the random texts; default: a random seed
  --json FILE   also writes the results as JSON
`;

const say = (lines: readonly string[]): boolean => process.stdout.write(`${lines.join("\n")}\n\n`);

function wholeNumber(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  if (!/^\d{1,9}$/.test(text)) throw new TypeError(`--${name} must be a whole number of up to 9 digits`);
  return Number(text);
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string" },
      seed: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean" },
    },
  });
  return {
    help: values.help === true,
    json: values.json,
    seconds: wholeNumber("seconds", values.seconds, 60),
    seed: wholeNumber("seed", values.seed, Math.floor(Math.random() * 1e9)),
  };
}

function optionsOrNone(): ReturnType<typeof readOptions> | undefined {
  try {
    return readOptions();
  } catch (error) {
    process.stderr.write(`bench:tokens: ${(error as Error).message.split("\n", 1)[0]}\n`);
    process.exitCode = 2;
    return undefined;
  }
}

/** Prints each part as soon as it is measured, because a whole run takes minutes. */
async function measure(seconds: number, seed: number): Promise<Results> {
  const quick = seconds < 10;
  const repetitions = quick ? 1 : 5;
  const node = process.version;
  say([`Node.js ${node}, seed ${seed}; ${quick ? "once" : `medians of ${repetitions}`}`]);
  const throughput = await measureThroughput(
    repetitions,
    quick ? [1] : [...new Set([1, Math.min(4, availableParallelism())])],
  );
  say(throughputLines(throughput));
  const megabytes = await measureMegabytes(repetitions, seed);
  say(megabyteLines(megabytes));
  const delay = await measureDelay(repetitions, quick ? 100 : 500);
  say(delayLines(delay));
  const overtaking = await measureOvertaking(quick ? 20 : 200);
  say(overtakingLines(overtaking));
  const worst = await fuzz(seconds, seed);
  say(worstLines(worst));
  return { node, seed, seconds, repetitions, throughput, megabytes, worst, delay, overtaking };
}

const options = optionsOrNone();
if (options?.help === true) {
  process.stdout.write(HELP);
} else if (options !== undefined) {
  const results = await measure(options.seconds, options.seed);
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(results, null, 2)}\n`);
}
