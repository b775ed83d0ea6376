import { withClient } from "../../../test/support/postgres.ts";
import { charge, HOT, PROJECT } from "../calls.ts";
import { type Figure, figureOf, interleaved, ratios } from "../figure.ts";
import { type Stage, throughput } from "../stage.ts";

const CALLERS = 512;
const ENTRIES_PER_BUDGET = 10;

/** Compares a large ledger with an empty one. */
export async function measureLedger(stage: Stage): Promise<Figure[]> {
  const entries = stage.scale.budgets * ENTRIES_PER_BUDGET;
  const grownUrl = await stage.createDatabase();
  await using grown = await stage.startPurser({ DATABASE_URL: grownUrl });
  await using empty = await stage.startPurser({ DATABASE_URL: await stage.createDatabase() });
  for (const { client } of [grown, empty]) {
    await client.createBudget({ project: PROJECT, user: HOT, totalBudgetNanoUsd: 10n ** 15n });
  }
  await seedEntries(grownUrl, entries);
  const values = await interleaved(stage.scale.rounds, {
    grown: throughput(stage, grown.url, CALLERS, charge(HOT)),
    empty: throughput(stage, empty.url, CALLERS, charge(HOT)),
  });
  return [
    figureOf(`UpdateCost, ledger of ${entries.toLocaleString("en")} entries`, values.grown, "charges/s"),
    figureOf("  to an empty ledger", ratios(values.grown, values.empty), "times", { atLeast: 0.85 }),
  ];
}

/** Writes charges of the hot budget and of others, over a year. The ids are in order of time, as a server's ids are. */
const seedEntries = (url: string, count: number): Promise<unknown> =>
  withClient(url, async (client) => {
    await client.query(
      `insert into entries (project, request_id, user_id, request_fingerprint, kind, source, model, cost_nano_usd,
         period_id, period_start, spent_after_nano_usd, held_after_nano_usd, total_after_nano_usd, created_at)
       select $1, '01900000-' || lpad(to_hex(i), 12, '0') || '-7000-800000000000',
         case when i % 2 = 0 then $2 else 'user-' || i % 100000 end,
         'aaaaaaaaaaaaaaaaaaaaaa', 'CHARGE', 'COST', 'gpt-4o', 1000, 1, now(), i, 0, 1000000000000000,
         now() - interval '1 year' + i * interval '3 seconds'
       from generate_series(1, $3::int) i`,
      [PROJECT, HOT, count],
    );
    await client.query("vacuum analyze entries");
  });
