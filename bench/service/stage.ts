import { type MortalPostgres, startOwnPostgres, withClient } from "../../test/support/postgres.ts";
import type { EncodedCall } from "./call.ts";
import type { LoadResult, LoadTask } from "./load.ts";
import { type LoadProcess, type ServerProcess, startLoadProcess, startPurser } from "./processes.ts";

/** The size of the measurements. */
export interface Scale {
  rounds: number;
  /** The duration of each measurement in a round. */
  seconds: number;
  /** The number of budgets in the large store. The large ledger has ten times as many entries. */
  budgets: number;
}

/** The environment of all measurements: a PostgreSQL with fsync on, and a load process. */
export interface Stage extends AsyncDisposable {
  readonly scale: Scale;
  /** Creates an empty database and returns its URL. */
  createDatabase(): Promise<string>;
  /** Starts Purser. The caller disposes it. */
  startPurser(environment: Readonly<Record<string, string>>): Promise<ServerProcess>;
  /** Runs a load, by default for the scale's seconds. Throws if a call does not return OK. */
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

/** Returns a function that measures the rounds per second with this many callers. */
export const throughput =
  (stage: Stage, url: string, inFlight: number, ...steps: EncodedCall[]) =>
  async (): Promise<number> => {
    const { done, seconds } = await stage.load({ url, steps, shape: { inFlight } });
    return done / seconds;
  };

/** Inserts budgets named `PREFIX000000000000` and so on into the table, with a total that no run reaches. */
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
