import { writeFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import type { Figure } from "./service/figure.ts";
import { measureBatches } from "./service/figures/batches.ts";
import { measureCallers } from "./service/figures/callers.ts";
import { measureFairness } from "./service/figures/fairness.ts";
import { measureKeys } from "./service/figures/keys.ts";
import { measureLatency } from "./service/figures/latency.ts";
import { measureLedger } from "./service/figures/ledger.ts";
import { measureLocked } from "./service/figures/locked.ts";
import { measureMillions } from "./service/figures/millions.ts";
import { measureStores } from "./service/figures/stores.ts";
import { measureThroughput } from "./service/figures/throughput.ts";
import { heading, line } from "./service/report.ts";
import { openStage, type Scale, type Stage } from "./service/stage.ts";

/** Runs `npm run bench`: measures the service and baselines on the same machine in the same run. */

const PARTS: Readonly<Record<string, (stage: Stage) => Promise<Figure[]>>> = {
  throughput: measureThroughput,
  callers: measureCallers,
  latency: measureLatency,
  locked: measureLocked,
  fairness: measureFairness,
  keys: measureKeys,
  batches: measureBatches,
  stores: measureStores,
  ledger: measureLedger,
  millions: measureMillions,
};

const HELP = `Measures the service. PostgreSQL (with fsync on), the server and the load generator run in separate processes.

  npm run bench -- [--only PART,PART] [--rounds N] [--seconds N] [--budgets N] [--json FILE]

  --only PARTS   some of ${Object.keys(PARTS).join(", ")}; default: all
  --rounds N     number of rounds of each measurement, which take turns with the others; default: 5
  --seconds N    duration of each measurement in a round; default: 4
  --budgets N    number of budgets in the large store; the ledger gets ten times as many entries; default: 1000000
  --json FILE    also writes the figures as JSON
`;

interface Options {
  help: boolean;
  json: string | undefined;
  parts: string[];
  scale: Scale;
}

function readOptions(): Options {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    options: {
      only: text,
      rounds: text,
      seconds: text,
      budgets: text,
      json: text,
      help: { type: "boolean" },
    },
  });
  const parts = values.only?.split(",") ?? Object.keys(PARTS);
  for (const part of parts) {
    if (!(part in PARTS))
      throw new TypeError(`--only: there is no part ${part}; the parts are ${Object.keys(PARTS).join(", ")}`);
  }
  return {
    help: values.help === true,
    json: values.json,
    parts,
    scale: {
      rounds: wholeNumber("rounds", values.rounds, 5),
      seconds: wholeNumber("seconds", values.seconds, 4),
      budgets: wholeNumber("budgets", values.budgets, 1_000_000),
    },
  };
}

function wholeNumber(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  if (!/^[1-9]\d{0,7}$/.test(text)) throw new TypeError(`--${name} must be a whole number, 1 to 99999999`);
  return Number(text);
}

function optionsOrNone(): Options | undefined {
  try {
    return readOptions();
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message.split("\n", 1)[0]}\n`);
    process.exitCode = 2;
    return undefined;
  }
}

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

/** Prints each figure as soon as it is measured, because a whole run takes long. */
async function measure({ parts, scale }: Options): Promise<object> {
  const machine = {
    node: process.version,
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? "unknown",
  };
  say(`Node.js ${machine.node}, ${machine.cores} cores (${machine.cpu}), PostgreSQL with fsync on`);
  say(`medians of ${scale.rounds} rounds of ${scale.seconds} s, each round one after the other\n`);
  say(heading);
  await using stage = await openStage(scale);
  const figures: Figure[] = [];
  for (const part of parts) {
    const measured = (await PARTS[part]?.(stage)) ?? [];
    figures.push(...measured);
    for (const figure of measured) say(line(figure));
  }
  return { machine, scale, figures };
}

const options = optionsOrNone();
if (options?.help === true) {
  process.stdout.write(HELP);
} else if (options !== undefined) {
  const results = await measure(options);
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(results, null, 2)}\n`);
}
