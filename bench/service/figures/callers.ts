import { withClient } from "../../../test/support/postgres.ts";
import { quantile } from "../../tokens/measure.ts";
import { charge, HOT, PROJECT } from "../calls.ts";
import { type Figure, figureOf } from "../figure.ts";
import { type Stage } from "../stage.ts";

const CALLERS = [64, 512, 1024];

/** Measures one hot budget with different numbers of callers, and the cost of a charge in PostgreSQL. */
export async function measureCallers(stage: Stage): Promise<Figure[]> {
  const url = await stage.createDatabase();
  await using purser = await stage.startPurser({ DATABASE_URL: url });
  await purser.client.createBudget({ project: PROJECT, user: HOT, totalBudgetNanoUsd: 10n ** 15n });
  const figures: Figure[] = [];
  for (const inFlight of CALLERS) {
    const rounds: Round[] = [];
    for (let round = 0; round < stage.scale.rounds; round++) {
      rounds.push(await measureRound(stage, { url: purser.url, database: url, inFlight }));
    }
    const name = `${inFlight.toLocaleString("en")} callers, one hot budget`;
    figures.push(
      figureOf(
        `UpdateCost, ${name}`,
        rounds.map((round) => round.perSecond),
        "charges/s",
      ),
      figureOf(
        "  p99",
        rounds.map((round) => round.p99),
        "ms",
      ),
      figureOf(
        "  charges a transaction",
        rounds.map((round) => round.perTransaction),
        "",
      ),
      figureOf(
        "  write-ahead log a charge",
        rounds.map((round) => round.walBytes),
        "bytes",
      ),
    );
  }
  return figures;
}

interface Round {
  perSecond: number;
  p99: number;
  perTransaction: number;
  walBytes: number;
}

async function measureRound(
  stage: Stage,
  { url, database, inFlight }: { url: string; database: string; inFlight: number },
): Promise<Round> {
  const before = await countersOf(database);
  const { done, seconds, milliseconds } = await stage.load({
    url,
    steps: [charge(HOT)],
    shape: { inFlight },
  });
  const after = await countersOf(database);
  return {
    perSecond: done / seconds,
    p99: quantile(milliseconds, 0.99),
    perTransaction: done / (after.updates - before.updates),
    walBytes: (after.walBytes - before.walBytes) / done,
  };
}

/** Each transaction of the engine updates the hot budget's row once. */
const countersOf = (url: string): Promise<{ updates: number; walBytes: number }> =>
  withClient(url, async (client) => {
    // A session reports its statistics at most once a second.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const { rows } = await client.query<{ updates: string; wal: string }>(
      `select n_tup_upd as updates, pg_current_wal_lsn() - '0/0' as wal from pg_stat_user_tables where relname = 'budgets'`,
    );
    return { updates: Number(rows[0]?.updates), walBytes: Number(rows[0]?.wal) };
  });
