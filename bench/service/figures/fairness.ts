import { withClient } from "../../../test/support/postgres.ts";
import { quantile } from "../../tokens/measure.ts";
import { charge, HOT, listEntries, PROJECT } from "../calls.ts";
import { type Figure, figureOf, interleaved, ratios } from "../figure.ts";
import { type LoadProcess, type ServerProcess, startLoadProcess } from "../processes.ts";
import type { Stage } from "../stage.ts";

const QUIET = "quiet";
const CALLS_PER_SECOND = 100;
const CALLERS = 512;
const LISTERS = 64;
const ENTRIES = 20_000;
const ENTRIES_PER_CALL = 1_000;
/** The heavy load begins before the measurement and ends after it. */
const MARGIN_SECONDS = 1;

/** Measures what a project notices when another project floods the server with charges, or with large lists. */
export async function measureFairness(stage: Stage): Promise<Figure[]> {
  const url = await stage.createDatabase();
  await using purser = await stage.startPurser({ DATABASE_URL: url });
  await using bystander = startLoadProcess();
  for (const project of [PROJECT, QUIET])
    await purser.client.createBudget({ project, user: HOT, totalBudgetNanoUsd: 10n ** 15n });
  await chargeWithUsage(purser);
  // Autovacuum does this within a minute. Without statistics, the planner sorts all entries for a page.
  await withClient(url, (client) => client.query("vacuum analyze entries"));

  const p99 = bystanderOf(bystander, purser.url, stage.scale.seconds);
  const floods: number[] = [];
  const pages: number[] = [];
  const beside = (
    step: ReturnType<typeof charge>,
    inFlight: number,
    rates: number[],
  ): (() => Promise<number>) => {
    const seconds = stage.scale.seconds + 2 * MARGIN_SECONDS;
    return async () => {
      const heavy = stage.load({ url: purser.url, steps: [step], shape: { inFlight }, seconds });
      await new Promise((resolve) => setTimeout(resolve, MARGIN_SECONDS * 1000));
      const value = await p99();
      const { done, seconds: took } = await heavy;
      rates.push(done / took);
      return value;
    };
  };
  const values = await interleaved(stage.scale.rounds, {
    idle: p99,
    flood: beside(charge(HOT), CALLERS, floods),
    lists: beside(listEntries(ENTRIES_PER_CALL), LISTERS, pages),
  });
  return [
    figureOf("UpdateCost of a quiet project, 100 a second, p99 of a call", values.idle, "ms"),
    figureOf("  the same beside 512 callers of UpdateCost of another project", values.flood, "ms"),
    figureOf("  to idle", ratios(values.flood, values.idle), "times", { atMost: 5 }),
    figureOf("  what the 512 callers make", floods.slice(1), "charges/s"),
    figureOf("  the same beside 64 callers of ListCostEntries(1000)", values.lists, "ms"),
    figureOf("  to idle", ratios(values.lists, values.idle), "times", { atMost: 5 }),
    figureOf("  what the 64 callers make", pages.slice(1), "pages/s"),
  ];
}

/** Returns a function that measures the p99 of the quiet project's charges. */
function bystanderOf(process: LoadProcess, url: string, seconds: number): () => Promise<number> {
  let countFrom = 0;
  return async () => {
    const shape = { perSecond: CALLS_PER_SECOND };
    const result = await process.run({ url, steps: [charge(HOT, QUIET)], seconds, shape, countFrom });
    countFrom = result.countTo;
    if (Object.keys(result.failed).length > 0)
      throw new Error(`calls of the quiet project failed, by gRPC status: ${JSON.stringify(result.failed)}`);
    return quantile(result.milliseconds, 0.99);
  };
}

/** Writes entries with all that an entry can have: counts of tokens, and the price. */
async function chargeWithUsage({ client }: ServerProcess): Promise<void> {
  const value = { model: "gpt-4o", inputTokens: 1200n, cacheReadTokens: 1000n, outputTokens: 300n };
  const request = { project: PROJECT, user: HOT, source: { case: "usage", value } } as const;
  for (let written = 0; written < ENTRIES; written += ENTRIES_PER_CALL)
    await client.batchUpdateCost({ requests: Array.from({ length: ENTRIES_PER_CALL }, () => request) });
}
