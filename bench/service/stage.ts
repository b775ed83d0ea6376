import { type MortalPostgres, startOwnPostgres, withClient } from "../../test/support/postgres.ts";
import type { EncodedCall } from "./call.ts";
import type { LoadResult, LoadTask } from "./load.ts";
import { type LoadProcess, type ServerProcess, startLoadProcess, startPurser } from "./processes.ts";

/** How thoroughly to measure. */
export interface Scale {
  rounds: number;
  /** Of each measurement of a round. */
  seconds: number;
  /** Rows of the figures that need many: budgets, and ten times as many ledger entries. */
  budgets: number;
}

/** What all figures are measured with: a PostgreSQL that syncs what it commits, and a process that makes load. */
export interface Stage extends AsyncDisposable {
  readonly scale: Scale;
  /** An empty database. */
  createDatabase(): Promise<string>;
  /** Purser on a database, until the figure is done. */
  startPurser(environment: Readonly<Record<string, string>>): Promise<ServerProcess>;
  /** A load for the scale's seconds, after which all calls must have been answered with OK. */
  load(task: Omit<LoadTask, "seconds" | "countFrom"> & { seconds?: number }): Promise<LoadResult>;
}

export async function openStage(scale: Scale): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const postgres: MortalPostgres = stack.use(await startOwnPostgres());
  const process: LoadProcess = stack.use(startLoadProcess());
  let count = 0;
  const owned = stack.move();
  return {
    scale,
    createDatabase: () => postgres.createDatabase(),
    startPurser,
    async load(task) {
      const result = await process.run({ seconds: scale.seconds, ...task, countFrom: count });
      count = result.countTo;
      if (Object.keys(result.failed).length > 0) {
        throw new Error(`calls failed, by gRPC status: ${JSON.stringify(result.failed)}`);
      }
      return result;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Rounds of calls a second with this many callers at once. */
export const throughput =
  (stage: Stage, url: string, inFlight: number, ...steps: EncodedCall[]) =>
  async (): Promise<number> => {
    const { done, seconds } = await stage.load({ url, steps, shape: { inFlight } });
    return done / seconds;
  };

/** Writes budgets `PREFIX000000000000` and on, straight into the table, with a total that nothing reaches. */
export const seedBudgets = (
  url: string,
  options: { project: string; prefix: string; count: number; parent?: string; endsBefore?: string },
): Promise<unknown> =>
  withClient(url, async (client) => {
    await client.query(
      `insert into budgets (project, user_id, total_nano_usd, period_id, period_start, period_unit, period_count,
         period_anchor, period_time_zone, period_end, parent_user_id, creation_fingerprint, created_at, updated_at)
       select $1, $2 || lpad(i::text, 12, '0'), 1000000000000000, 1, coalesce($5::timestamptz - interval '1 day', now()),
         case when $5::timestamptz is null then null else 'DAY' end, case when $5::timestamptz is null then null else 1 end,
         $5::timestamptz, case when $5::timestamptz is null then null else 'UTC' end, $5::timestamptz, $4, '',
         now(), now()
       from generate_series(0, $3::int - 1) i`,
      [options.project, options.prefix, options.count, options.parent ?? null, options.endsBefore ?? null],
    );
    await client.query("vacuum analyze budgets");
  });
