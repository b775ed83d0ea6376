/** How many random cases are run: few with `npm test`, an hour's worth with `npm run test:long`. */
export const LONG = process.env.PURSER_TEST_LONG === "1";

/** The value for this kind of run. */
export const perRun = <T>(short: T, long: T): T => (LONG ? long : short);

const given = process.env.PURSER_TEST_SEED ?? "";

// The short run makes the same choices every time, so that a failure comes from a change and not from chance; the long
// run makes new choices.
const SHORT_SEED = 4_937_625;

/** The seed of the random choices. It is printed; PURSER_TEST_SEED repeats the choices of a run. */
export const SEED =
  given === "" ? perRun(SHORT_SEED, Math.trunc(Math.random() * 0x7fff_ffff)) : Number(given);

process.stdout.write(`PURSER_TEST_SEED=${SEED}${LONG ? " PURSER_TEST_LONG=1" : ""}\n`);

/** Random choices that the seed repeats (mulberry32). */
export interface Random {
  /** An integer from 0 to `bound` - 1. */
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
