import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { charge, HOT, PROJECT } from "../calls.ts";
import { type Figure, figureOf, interleaved, ratios } from "../figure.ts";
import { type Stage, seedBudgets, throughput } from "../stage.ts";

const CALLERS = 512;
const PROCESSES = 2;
const MANY = { prefix: "user-", count: 10_000 };

/** Compares the embedded store, and two processes behind one port, with one process on PostgreSQL. */
export async function measureStores(stage: Stage): Promise<Figure[]> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "purser-bench-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const [oneUrl, twoUrl] = [await stage.createDatabase(), await stage.createDatabase()];
  const postgres = stack.use(await stage.startPurser({ DATABASE_URL: oneUrl }));
  const embedded = stack.use(await stage.startPurser({ DATA_DIR: folder }));
  const two = stack.use(await stage.startPurser({ DATABASE_URL: twoUrl, WORKERS: String(PROCESSES) }));
  for (const { client } of [postgres, embedded, two]) {
    await client.createBudget({ project: PROJECT, user: HOT, totalBudgetNanoUsd: 10n ** 15n });
  }
  for (const url of [oneUrl, twoUrl]) await seedBudgets(url, { project: PROJECT, ...MANY });
  const values = await interleaved(stage.scale.rounds, {
    postgres: throughput(stage, postgres.url, CALLERS, charge(HOT)),
    embedded: throughput(stage, embedded.url, CALLERS, charge(HOT)),
    two: throughput(stage, two.url, CALLERS, charge(HOT)),
    postgresMany: throughput(stage, postgres.url, CALLERS, charge(MANY)),
    twoMany: throughput(stage, two.url, CALLERS, charge(MANY)),
  });
  return [
    figureOf("UpdateCost, one hot budget, PostgreSQL", values.postgres, "charges/s"),
    figureOf("UpdateCost, one hot budget, embedded store", values.embedded, "charges/s"),
    figureOf("  embedded to PostgreSQL", ratios(values.embedded, values.postgres), "times", { atLeast: 0.4 }),
    figureOf("UpdateCost, one hot budget, WORKERS=2", values.two, "charges/s"),
    figureOf("  two workers to one", ratios(values.two, values.postgres), "times"),
    figureOf("  the same over 10,000 budgets", ratios(values.twoMany, values.postgresMany), "times"),
  ];
}
