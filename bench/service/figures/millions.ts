import { readFile } from "node:fs/promises";
import { withClient } from "../../../test/support/postgres.ts";
import { median } from "../../tokens/measure.ts";
import { charge, HOT, list, PROJECT } from "../calls.ts";
import { type Figure, figureOf, interleaved, ratios } from "../figure.ts";
import type { ServerProcess } from "../processes.ts";
import { type Stage, seedBudgets, throughput } from "../stage.ts";

const CALLERS = 512;
const PREFIX = "user-";
const MEMORY_SECONDS = 60;
const MEGABYTE = 1 << 20;

/** Measures a store with very many budgets: its pages, its sweep, and the server's memory. */
export async function measureMillions(stage: Stage): Promise<Figure[]> {
  const { budgets: count } = stage.scale;
  const url = await stage.createDatabase();
  // The automatic sweep is turned off, because it would disturb another figure.
  await using purser = await stage.startPurser({ DATABASE_URL: url, SWEEP_INTERVAL_MS: "86400000" });
  await purser.client.createBudget({ project: PROJECT, user: HOT, totalBudgetNanoUsd: 10n ** 15n });
  await seedBudgets(url, { project: PROJECT, prefix: PREFIX, count, endsBefore: "2026-01-01T00:00:00Z" });
  return [
    ...(await measureSweep(stage, purser, url)),
    ...(await measurePages(stage, purser)),
    ...(await measureMemory(stage, purser, count)),
  ];
}

async function measureSweep(stage: Stage, purser: ServerProcess, url: string): Promise<Figure[]> {
  const charges = throughput(stage, purser.url, CALLERS, charge(HOT));
  const before = await interleaved(stage.scale.rounds, { charges });
  const sweeping = timedSweep(purser);
  const longest = watchLongestTransaction(url);
  let swept: number | undefined;
  void sweeping.then(({ perSecond }) => {
    swept = perSecond;
  });
  const during: number[] = [];
  while (swept === undefined) during.push(await charges());
  const { perSecond, budgets } = await sweeping;
  const name = `SweepDurations, ${budgets.toLocaleString("en")} budgets due`;
  const atLeast = { atLeast: 20_000 };
  return [
    figureOf(`${name}, beside full load`, [perSecond], "budgets/s", atLeast),
    figureOf("  longest transaction during the sweep", [await longest.stop()], "ms", { atMost: 200 }),
    figureOf("  UpdateCost during the sweep, to before", [median(during) / median(before.charges)], "times", {
      atLeast: 0.5,
    }),
  ];
}

async function timedSweep({ client }: ServerProcess): Promise<{ perSecond: number; budgets: number }> {
  const begun = performance.now();
  const { budgetsReset } = await client.sweepDurations({ project: PROJECT });
  const budgets = Number(budgetsReset);
  return { budgets, perSecond: (budgets * 1000) / (performance.now() - begun) };
}

/** Checks every 5 ms how long the oldest transaction of the server has been open. */
function watchLongestTransaction(url: string): { stop(): Promise<number> } {
  let stopped = false;
  let longest = 0;
  const watching = withClient(url, async (client) => {
    while (!stopped) {
      const { rows } = await client.query<{ ms: number | null }>(
        `select extract(epoch from max(clock_timestamp() - xact_start))::float8 * 1000 as ms from pg_stat_activity
         where application_name = 'purser' and state <> 'idle' and datname = current_database()`,
      );
      longest = Math.max(longest, rows[0]?.ms ?? 0);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });
  return {
    async stop() {
      stopped = true;
      await watching;
      return longest;
    },
  };
}

async function measurePages(stage: Stage, purser: ServerProcess): Promise<Figure[]> {
  const first = await purser.client.listUsers({ project: PROJECT, pageSize: 100 });
  const last = await lastPageToken(purser, stage.scale.budgets);
  const pages = await interleaved(stage.scale.rounds, {
    first: throughput(stage, purser.url, 1, list("")),
    second: throughput(stage, purser.url, 1, list(first.nextPageToken)),
    last: throughput(stage, purser.url, 1, list(last)),
  });
  return [
    figureOf("ListUsers, page 1, one caller", pages.first, "pages/s"),
    figureOf("ListUsers, the last page, one caller", pages.last, "pages/s"),
    figureOf("  time of the last to the first", ratios(pages.first, pages.last), "times", { atMost: 2 }),
  ];
}

/** The token of a page near the end. It pages through all budgets, 1,000 at a time. */
async function lastPageToken({ client }: ServerProcess, count: number): Promise<string> {
  const userPrefix = "";
  for (let pageToken = "", left = count; ; left -= 1000) {
    const page = await client.listUsers({ project: PROJECT, pageSize: 1000, pageToken, userPrefix });
    if (page.nextPageToken === "" || left <= 2000) return pageToken;
    pageToken = page.nextPageToken;
  }
}

async function measureMemory(stage: Stage, purser: ServerProcess, count: number): Promise<Figure[]> {
  const load = { url: purser.url, steps: [charge({ prefix: PREFIX, count })], shape: { inFlight: CALLERS } };
  const resident: number[] = [];
  for (let part = 0; part < 3; part++) {
    await stage.load({ ...load, seconds: MEMORY_SECONDS / 3 });
    resident.push(await residentMegabytes(purser.pid));
  }
  const [, earlier = 0, later = 0] = resident;
  return [
    figureOf(`resident memory, ${count.toLocaleString("en")} budgets, after 60 s of load`, [later], "MB", {
      atMost: 400,
    }),
    figureOf("  growth in the last 20 s", [later / earlier], "times", { atMost: 1.05 }),
  ];
}

/** Reads the memory from /proc, so it needs Linux. */
async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
  return (Number(kilobytes) * 1024) / MEGABYTE;
}
