import { withClient } from "../../../test/support/postgres.ts";
import { charge, HOT, holdAndSettle, PROJECT, read } from "../calls.ts";
import { type Figure, figureOf, interleaved, ratios } from "../figure.ts";
import { startNoop } from "../processes.ts";
import { type Stage, seedBudgets, throughput } from "../stage.ts";

const CALLERS = 512;
const MANY = { prefix: "user-", count: 10_000 };
const LEAVES = { prefix: "leaf-", count: 1000 };
const FLAT = { prefix: "flat-", count: 1000 };
const BRANCHES = 10;

/**
 * Measures unary gRPC calls, and compares them with a server that does nothing and one that commits each charge alone.
 */
export async function measureThroughput(stage: Stage): Promise<Figure[]> {
  await using noop = await startNoop();
  const url = await stage.createDatabase();
  await using purser = await stage.startPurser({ DATABASE_URL: url });
  await using alone = await stage.startPurser({
    DATABASE_URL: await stage.createDatabase(),
    ENGINE_BATCH_OPERATIONS_MAX: "1",
  });
  for (const { client } of [purser, alone]) {
    await client.createBudget({ project: PROJECT, user: HOT, totalBudgetNanoUsd: 10n ** 15n });
  }
  await seedBudgets(url, { project: PROJECT, ...MANY });
  await seedBudgets(url, { project: PROJECT, ...FLAT });
  await seedTree(url);

  const to = (server: { url: string }, ...steps: Parameters<typeof throughput>[3][]) =>
    throughput(stage, server.url, CALLERS, ...steps);
  const values = await interleaved(stage.scale.rounds, {
    noop: to(noop, charge(HOT)),
    hot: to(purser, charge(HOT)),
    alone: to(alone, charge(HOT)),
    pairs: to(purser, ...holdAndSettle(HOT)),
    many: to(purser, charge(MANY)),
    flat: to(purser, charge(FLAT)),
    tree: to(purser, charge(LEAVES)),
    reads: to(purser, read(MANY)),
    noopReads: to(noop, read(MANY)),
  });
  const share = (name: string, of: number[], base: number[], atLeast: number): Figure =>
    figureOf(name, ratios(of, base), "times", { atLeast });
  return [
    figureOf("no-op, 512 callers", values.noop, "calls/s"),
    figureOf("UpdateCost, one hot budget, 512 callers", values.hot, "charges/s"),
    figureOf("the same, a transaction a charge", values.alone, "charges/s"),
    share("  group commit to a transaction a charge", values.hot, values.alone, 20),
    share("  group commit to no-op", values.hot, values.noop, 0.7),
    figureOf("UpdateCost, 10,000 budgets", values.many, "charges/s"),
    share("  to no-op", values.many, values.noop, 0.55),
    figureOf("ReserveCost and UpdateCost, one hot budget", values.pairs, "pairs/s"),
    share("  to UpdateCost alone", values.pairs, values.hot, 0.45),
    figureOf("UpdateCost, 1,000 budgets", values.flat, "charges/s"),
    figureOf("UpdateCost, 1,000 leaves of a tree 3 deep", values.tree, "charges/s"),
    share("  to 1,000 budgets without a tree", values.tree, values.flat, 0.6),
    figureOf("GetCurrentCost, 10,000 budgets", values.reads, "reads/s"),
    share("  to no-op", values.reads, values.noopReads, 0.6),
  ];
}

/** Creates a root, ten branches, and leaves that are spread evenly over the branches. */
async function seedTree(url: string): Promise<void> {
  await seedBudgets(url, { project: PROJECT, prefix: "root-", count: 1 });
  await seedBudgets(url, {
    project: PROJECT,
    prefix: "branch-",
    count: BRANCHES,
    parent: "root-000000000000",
  });
  await seedBudgets(url, { project: PROJECT, ...LEAVES });
  await withClient(url, (client) =>
    client.query(
      `update budgets set parent_user_id = 'branch-' || lpad((right(user_id, 12)::int % $2)::text, 12, '0')
       where project = $1 and user_id like 'leaf-%'`,
      [PROJECT, BRANCHES],
    ),
  );
}
