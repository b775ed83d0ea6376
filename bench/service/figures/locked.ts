import { withClient } from "../../../test/support/postgres.ts";
import { quantile } from "../../tokens/measure.ts";
import { charge, HOT, PROJECT } from "../calls.ts";
import { type Figure, figureOf, interleaved, ratios } from "../figure.ts";
import type { Stage } from "../stage.ts";

const CALLS_PER_SECOND = 200;
const LOCKED = "locked";
/** Calls that wait for the locked budget all the time. */
const WAITING = 20;

/** Measures how much charges elsewhere notice of a budget that another session has locked. */
export async function measureLocked(stage: Stage): Promise<Figure[]> {
  const url = await stage.createDatabase();
  await using purser = await stage.startPurser({ DATABASE_URL: url });
  for (const user of [HOT, LOCKED]) {
    await purser.client.createBudget({ project: PROJECT, user, totalBudgetNanoUsd: 10n ** 15n });
  }
  const p99 = async (): Promise<number> => {
    const shape = { perSecond: CALLS_PER_SECOND };
    const { milliseconds } = await stage.load({ url: purser.url, steps: [charge(HOT)], shape });
    return quantile(milliseconds, 0.99);
  };
  const charged = (): Promise<unknown> =>
    purser.client
      .updateCost({
        project: PROJECT,
        user: LOCKED,
        source: { case: "cost", value: { model: "gpt-4o", costNanoUsd: 1n } },
      })
      .catch(() => undefined);
  const whileLocked = (): Promise<number> =>
    withClient(url, async (client) => {
      await client.query("begin");
      await client.query("select 1 from budgets where user_id = $1 for update", [LOCKED]);
      let isLocked = true;
      const callers = Array.from({ length: WAITING }, async () => {
        while (isLocked) await charged();
      });
      try {
        return await p99();
      } finally {
        isLocked = false;
        await client.query("rollback");
        await Promise.all(callers);
      }
    });
  const { idle, locked } = await interleaved(stage.scale.rounds, { idle: p99, locked: whileLocked });
  return [
    figureOf("UpdateCost, 200 a second, p99 of a call", idle, "ms"),
    figureOf("the same while another session has another budget locked, p99", locked, "ms"),
    figureOf("  locked to idle", ratios(locked, idle), "times", { atMost: 3 }),
  ];
}
