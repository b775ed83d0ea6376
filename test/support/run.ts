/** How much of the proof is run: `npm test` a short form, `npm run test:long` an hour of it. */
export const LONG = process.env.PURSER_TEST_LONG === "1";

/** The value for this form of the run. */
export const perRun = <T>(short: T, long: T): T => (LONG ? long : short);

const given = process.env.PURSER_TEST_SEED ?? "";

// The short form makes the same choices every time, so that it says something of a change and not of chance; the long form
// looks for what nobody has seen yet.
const SHORT_SEED = 4_937_625;

/** What random choices are made from. Printed, and taken from PURSER_TEST_SEED to run the same choices again. */
export const SEED =
  given === "" ? perRun(SHORT_SEED, Math.trunc(Math.random() * 0x7fff_ffff)) : Number(given);

process.stdout.write(`PURSER_TEST_SEED=${SEED}${LONG ? " PURSER_TEST_LONG=1" : ""}\n`);

/** Random choices that the seed repeats (mulberry32). */
export interface Random {
  /** 0 or more, less than `bound`. */
  below(bound: number): number;
  pick<T>(values: readonly T[]): T;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const below = (bound: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * bound);
  };
  return { below, pick: (values) => values[below(values.length)] as (typeof values)[number] };
}
