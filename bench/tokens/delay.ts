import { MEGABYTE } from "./inputs.ts";
import { median, quantile, timed } from "./measure.ts";
import { type Purser, startServer } from "./server.ts";

const NAME = { project: "bench", user: "alice" };

/** How long GetCurrentCost takes, in milliseconds: the median over all rounds of the quantile of each round. */
export interface Delay {
  idleP50: number;
  idleP99: number;
  /** While 1 MB of the letter a is being counted. */
  busyP50: number;
  busyP99: number;
  /** busyP99 - idleP99. */
  addedP99: number;
  /** The total number of calls answered while a text was being counted. */
  busyCalls: number;
}

/**
 * Measures a server in a separate process, so that only its event loop counts. Each round has at least `calls` calls.
 */
export async function measureDelay(repetitions: number, calls: number): Promise<Delay> {
  await using stack = new AsyncDisposableStack();
  const connect = await startServer(stack);
  const purser = connect();
  await purser.createBudget({ ...NAME, totalBudgetNanoUsd: 10n ** 15n });
  await idle(purser, calls);
  await busy(purser, calls);
  const rounds: { idle: number[]; busy: number[] }[] = [];
  for (let round = 0; round < repetitions; round++) {
    rounds.push({ idle: await idle(purser, calls), busy: await busy(purser, calls) });
  }
  const over = (kind: "idle" | "busy", share: number): number =>
    median(rounds.map((round) => quantile(round[kind], share)));
  const [idleP99, busyP99] = [over("idle", 0.99), over("busy", 0.99)];
  return {
    idleP50: over("idle", 0.5),
    idleP99,
    busyP50: over("busy", 0.5),
    busyP99,
    addedP99: busyP99 - idleP99,
    busyCalls: rounds.reduce((sum, round) => sum + round.busy.length, 0),
  };
}

const ask = (purser: Purser): Promise<number> => timed(() => purser.getCurrentCost(NAME));

async function idle(purser: Purser, calls: number): Promise<number[]> {
  const delays: number[] = [];
  while (delays.length < calls) delays.push(await ask(purser));
  return delays;
}

/** Makes one call after the other while a text is being counted, from before the text is sent until it is answered. */
async function busy(purser: Purser, calls: number): Promise<number[]> {
  const delays: number[] = [];
  const text = { model: "gpt-4o-mini", inputText: "a".repeat(MEGABYTE), outputText: "" };
  while (delays.length < calls) {
    const state = { counting: true };
    const charge = purser
      .updateCost({ ...NAME, source: { case: "text", value: text } })
      .finally(() => (state.counting = false));
    while (state.counting) delays.push(await ask(purser));
    await charge;
  }
  return delays;
}
