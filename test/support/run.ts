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

export { createRandom, type Random } from "./random.ts";
