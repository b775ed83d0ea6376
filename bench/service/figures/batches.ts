import type pg from "pg";
import { withClient } from "../../../test/support/postgres.ts";
import { COST_NANO_USD, chargesTogether, HOT, PROJECT } from "../calls.ts";
import { type Figure, figureOf, interleaved, ratios } from "../figure.ts";
import { type Stage, throughput } from "../stage.ts";

const CHARGES = 1000;
const CALLERS = 4;

/** Measures BatchUpdateCost with 1,000 charges in a call. */
export async function measureBatches(stage: Stage): Promise<Figure[]> {
  const url = await stage.createDatabase();
  await using purser = await stage.startPurser({ DATABASE_URL: url });
  await purser.client.createBudget({ project: PROJECT, user: HOT, totalBudgetNanoUsd: 10n ** 15n });
  const calls = throughput(stage, purser.url, CALLERS, chargesTogether(HOT, CHARGES));
  const values = await withClient(url, (first) =>
    withClient(url, (second) =>
      interleaved(stage.scale.rounds, {
        purser: async () => (await calls()) * CHARGES,
        byHand: () => rowsByHand([first, second], stage.scale.seconds),
      }),
    ),
  );
  return [
    figureOf("BatchUpdateCost, 1,000 a call, one hot budget", values.purser, "charges/s", {
      atLeast: 60_000,
    }),
    figureOf("the same rows written in SQL, two connections", values.byHand, "charges/s"),
    figureOf("  Purser to SQL", ratios(values.purser, values.byHand), "times", { atLeast: 0.6 }),
  ];
}

/**
 * Uses two connections, so that one commits while the other works. They wait for each other's lock of the budget's row.
 */
async function rowsByHand(clients: readonly pg.Client[], seconds: number): Promise<number> {
  const begun = performance.now();
  const end = begun + seconds * 1000;
  let rows = 0;
  const work = async (client: pg.Client): Promise<void> => {
    while (performance.now() < end) {
      await thousandByHand(client);
      rows += CHARGES;
    }
  };
  await Promise.all(clients.map(work));
  return (rows * 1000) / (performance.now() - begun);
}

async function thousandByHand(client: pg.Client): Promise<void> {
  await client.query("begin");
  const { rows } = await client.query<{ spent: string; period_id: string }>(
    `select spent_nano_usd as spent, period_id from budgets where project = $1 and user_id = $2 for update`,
    [PROJECT, HOT],
  );
  const spent = BigInt(rows[0]?.spent ?? 0);
  const ids = Array.from({ length: CHARGES }, () => crypto.randomUUID());
  const after = ids.map((_, index) => spent + COST_NANO_USD * BigInt(index + 1));
  await client.query(
    `insert into entries (project, request_id, user_id, request_fingerprint, kind, source, model, cost_nano_usd,
       period_id, period_start, spent_after_nano_usd, held_after_nano_usd, total_after_nano_usd, created_at)
     select $1, id, $2, 'f', 'CHARGE', 'COST', 'gpt-4o', $3, $4, now(), spent_after, 0, 0, clock_timestamp()
     from unnest($5::text[], $6::bigint[]) as row(id, spent_after)`,
    [PROJECT, HOT, COST_NANO_USD, rows[0]?.period_id, ids, after],
  );
  await client.query(
    `update budgets set spent_nano_usd = $3, updated_at = clock_timestamp() where project = $1 and user_id = $2`,
    [PROJECT, HOT, after.at(-1)],
  );
  await client.query(
    `insert into model_costs (project, user_id, period_id, model, cost_nano_usd) values ($1, $2, $3, 'gpt-4o', $4)
     on conflict (project, user_id, period_id, model)
     do update set cost_nano_usd = model_costs.cost_nano_usd + excluded.cost_nano_usd`,
    [PROJECT, HOT, rows[0]?.period_id, COST_NANO_USD * BigInt(CHARGES)],
  );
  await client.query("commit");
}
