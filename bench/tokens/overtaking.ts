import { quantile, timed } from "./measure.ts";
import { type Purser, startServer } from "./server.ts";

const LONG_TEXTS = 40;
const LONG_TEXT_BYTES = 3_900_000;

/** How long UpdateCost of "hi" takes, in milliseconds, while another project's long texts are being counted. */
export interface Overtaking {
  longTexts: number;
  longTextBytes: number;
  shortTexts: number;
  p50: number;
  max: number;
  /** The number of long texts that were counted during the measurement. */
  longTextsCounted: number;
}

const charge = (purser: Purser, project: string, inputText: string, signal?: AbortSignal) =>
  purser.updateCost(
    {
      project,
      user: "alice",
      source: { case: "text", value: { model: "gpt-4o-mini", inputText, outputText: "" } },
    },
    { signal },
  );

export async function measureOvertaking(shortTexts: number): Promise<Overtaking> {
  await using stack = new AsyncDisposableStack();
  const connect = await startServer(stack);
  const purser = connect();
  for (const project of ["long", "short"]) {
    await purser.createBudget({ project, user: "alice", totalBudgetNanoUsd: 10n ** 15n });
    await charge(purser, project, "warm ".repeat(20_000));
  }
  const leaving = new AbortController();
  stack.defer(() => leaving.abort());
  const text = "a".repeat(LONG_TEXT_BYTES);
  const state = { counted: 0 };
  const first = Promise.withResolvers<void>();
  for (let index = 0; index < LONG_TEXTS; index++) {
    // Each text has its own connection, because Node.js refuses this many bytes on one connection.
    charge(connect(), "long", text, leaving.signal).then(
      () => {
        state.counted++;
        first.resolve();
      },
      (error: unknown) => {
        if (!leaving.signal.aborted) first.reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }
  await first.promise;
  const before = state.counted;
  const delays: number[] = [];
  while (delays.length < shortTexts) delays.push(await timed(() => charge(purser, "short", "hi")));
  return {
    longTexts: LONG_TEXTS,
    longTextBytes: LONG_TEXT_BYTES,
    shortTexts,
    p50: quantile(delays, 0.5),
    max: Math.max(...delays),
    longTextsCounted: state.counted - before,
  };
}
