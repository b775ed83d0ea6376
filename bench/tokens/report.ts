import type { Throughput, Timing, Worst } from "./counting.ts";
import type { Delay } from "./delay.ts";
import { rounded } from "./measure.ts";
import type { Overtaking } from "./overtaking.ts";

export interface Results {
  node: string;
  seed: number;
  seconds: number;
  repetitions: number;
  throughput: Throughput[];
  megabytes: Timing[];
  worst: Worst;
  delay: Delay;
  overtaking: Overtaking;
}

const TARGET_MS = 20;
const OVERTAKING_TARGET_MS = 200;

const ms = (value: number): string => `${rounded(value).toFixed(1)} ms`.padStart(11);

export const throughputLines = (results: readonly Throughput[]): string[] => [
  "Counts per second, through the pool",
  ...results.map(
    ({ kind, threads, countsPerSecond }) =>
      `${Math.round(countsPerSecond).toString().padStart(8)}  ${kind}, ${threads} thread${threads === 1 ? "" : "s"}`,
  ),
];

export const megabyteLines = (timings: readonly Timing[]): string[] => [
  "1 MB of each kind, on one thread",
  ...timings.map(({ kind, tokens, milliseconds }) => `${ms(milliseconds)}  ${kind}, ${tokens} tokens`),
];

export function worstLines({ texts, recipe, bytes, milliseconds, megabyteMilliseconds }: Worst): string[] {
  const { kinds, runMax, model, seed } = recipe;
  return [
    `The slowest of ${texts} fuzzed texts of ${bytes} bytes`,
    `${ms(milliseconds)}  ${kinds.join(" + ")}, in runs of up to ${runMax}, for ${model} (seed ${seed})`,
    `${ms(megabyteMilliseconds)}  the same at 1 MB`,
  ];
}

export const delayLines = (delay: Delay): string[] => [
  "GetCurrentCost of one client, on a server in a separate process",
  `${ms(delay.idleP50)}  p50, idle`,
  `${ms(delay.idleP99)}  p99, idle`,
  `${ms(delay.busyP50)}  p50, while 1 MB of the letter a is counted (${delay.busyCalls} calls)`,
  `${ms(delay.busyP99)}  p99, while 1 MB of the letter a is counted`,
  `${ms(delay.addedP99)}  more than idle; the target is at most ${TARGET_MS} ms: ${delay.addedP99 <= TARGET_MS ? "met" : "missed"}`,
];

export const overtakingLines = (overtaking: Overtaking): string[] => [
  `UpdateCost of "hi", while ${overtaking.longTexts} texts of ${overtaking.longTextBytes / 1e6} MB of another project are counted`,
  `${ms(overtaking.p50)}  p50 of ${overtaking.shortTexts} calls, during which ${overtaking.longTextsCounted} long texts were counted`,
  `${ms(overtaking.max)}  the longest; the target is at most ${OVERTAKING_TARGET_MS} ms: ${overtaking.max <= OVERTAKING_TARGET_MS ? "met" : "missed"}`,
];
