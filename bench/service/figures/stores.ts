import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { charge, HOT, PROJECT } from "../calls.ts";
import { type Figure, figureOf, interleaved, ratios } from "../figure.ts";
import { type Stage, throughput } from "../stage.ts";

const CALLERS = 512;
const PROCESSES = 2;

/** The embedded store, and two processes behind one port, beside one process on PostgreSQL. */
export async function measureStores(stage: Stage): Promise<Figure[]> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "purser-bench-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const postgres = stack.use(await stage.startPurser({ DATABASE_URL: await stage.createDatabase() }));
  const embedded = stack.use(await stage.startPurser({ DATA_DIR: folder }));
  const two = stack.use(
    await stage.startPurser({ DATABASE_URL: await stage.createDatabase(), WORKERS: String(PROCESSES) }),
  );
  for (const { client } of [postgres, embedded, two]) {
    await client.createBudget({ project: PROJECT, user: HOT, totalBudgetNanoUsd: 10n ** 15n });
  }
  const values = await interleaved(stage.scale.rounds, {
    postgres: throughput(stage, postgres.url, CALLERS, charge(HOT)),
    embedded: throughput(stage, embedded.url, CALLERS, charge(HOT)),
    two: throughput(stage, two.url, CALLERS, charge(HOT)),
  });
  return [
    figureOf("UpdateCost, one hot budget, PostgreSQL", values.postgres, "charges/s"),
    figureOf("UpdateCost, one hot budget, embedded store", values.embedded, "charges/s"),
    figureOf("  embedded to PostgreSQL", ratios(values.embedded, values.postgres), "times", { atLeast: 0.4 }),
    figureOf("UpdateCost, one hot budget, WORKERS=2", values.two, "charges/s"),
    figureOf("  two workers to one", ratios(values.two, values.postgres), "times"),
  ];
}
