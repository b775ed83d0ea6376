import type pg from "pg";
import { withClient } from "../../../test/support/postgres.ts";
import { median, quantile } from "../../tokens/measure.ts";
import { COST_NANO_USD, charge, HOT, holdAndSettle, PROJECT } from "../calls.ts";
import { type Figure, figureOf, interleaved, ratios } from "../figure.ts";
import { type Stage } from "../stage.ts";

const ROUNDS_PER_SECOND = 1000;

/** Measures how long a caller waits. */
export async function measureLatency(stage: Stage): Promise<Figure[]> {
  const url = await stage.createDatabase();
  await using purser = await stage.startPurser({ DATABASE_URL: url });
  await purser.client.createBudget({ project: PROJECT, user: HOT, totalBudgetNanoUsd: 10n ** 15n });
  const one = await withClient(url, (client) =>
    interleaved(stage.scale.rounds, {
      purser: async () =>
        median(
          (await stage.load({ url: purser.url, steps: [charge(HOT)], shape: { inFlight: 1 } })).milliseconds,
        ),
      byHand: () => medianByHand(client, stage.scale.seconds),
    }),
  );
  const shape = { perSecond: ROUNDS_PER_SECOND };
  const { open } = await interleaved(stage.scale.rounds, {
    open: async () =>
      quantile((await stage.load({ url: purser.url, steps: holdAndSettle(HOT), shape })).milliseconds, 0.99),
  });
  return [
    figureOf("UpdateCost, one caller, p50", one.purser, "ms"),
    figureOf("the same rows by a hand-written transaction, p50", one.byHand, "ms"),
    figureOf("  Purser to hand-written", ratios(one.purser, one.byHand), "times", { atMost: 2.5 }),
    figureOf("1,000 times a second ReserveCost, then UpdateCost, open loop, p99 of a call", open, "ms", {
      atMost: 15,
    }),
  ];
}

async function medianByHand(client: pg.Client, seconds: number): Promise<number> {
  const milliseconds: number[] = [];
  const end = performance.now() + seconds * 1000;
  for (let begun = performance.now(); begun < end; begun = performance.now()) {
    await chargeByHand(client);
    milliseconds.push(performance.now() - begun);
  }
  return median(milliseconds);
}

/** The minimum work for a charge that is idempotent and counted by model. */
async function chargeByHand(client: pg.Client): Promise<void> {
  const id = crypto.randomUUID();
  await client.query("begin");
  const { rows } = await client.query<{ spent: string; period_id: string }>(
    `select spent_nano_usd as spent, period_id from budgets where project = $1 and user_id = $2 for update`,
    [PROJECT, HOT],
  );
  const spent = BigInt(rows[0]?.spent ?? 0) + COST_NANO_USD;
  await client.query(
    `insert into entries (project, request_id, user_id, request_fingerprint, kind, source, model, cost_nano_usd,
       period_id, period_start, spent_after_nano_usd, held_after_nano_usd, total_after_nano_usd, created_at)
     values ($1, $2, $3, 'f', 'CHARGE', 'COST', 'gpt-4o', $4, $5, now(), $6, 0, 0, clock_timestamp())`,
    [PROJECT, id, HOT, COST_NANO_USD, rows[0]?.period_id, spent],
  );
  await client.query(
    `update budgets set spent_nano_usd = $3, updated_at = clock_timestamp() where project = $1 and user_id = $2`,
    [PROJECT, HOT, spent],
  );
  await client.query(
    `insert into model_costs (project, user_id, period_id, model, cost_nano_usd) values ($1, $2, $3, 'gpt-4o', $4)
     on conflict (project, user_id, period_id, model)
     do update set cost_nano_usd = model_costs.cost_nano_usd + excluded.cost_nano_usd`,
    [PROJECT, HOT, rows[0]?.period_id, COST_NANO_USD],
  );
  await client.query("commit");
}
