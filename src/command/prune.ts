import { stat } from "node:fs/promises";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { Failure } from "../domain/errors.ts";
import {
  addPruned,
  NOTHING_PRUNED,
  type Pruned,
  prunableProjects,
  pruneProject,
} from "../engine/upkeep/prune.ts";
import { outageLog } from "../server/outage-log.ts";
import { openDatabase } from "../server/server.ts";
import { readClock } from "../store/budgets.ts";
import type { Database } from "../store/database.ts";
import { migrate } from "../store/migrate.ts";
import { hasSchema } from "../store/prune.ts";
import { createStore } from "../store/store.ts";
import { timestampText } from "../store/timestamps.ts";
import type { PruneRequest } from "./arguments.ts";

/** The reason why nothing can be pruned. The message is one line. */
export class PruneRefused extends Error {
  override name = "PruneRefused";
}

export interface PruneContext {
  config: Config;
  log: Logger;
  say: (line: string) => void;
  /** Stops the work early. Rows already deleted stay deleted. */
  signal: AbortSignal;
}

const PROGRESS_ROWS = 100_000;

/**
 * Runs `purser prune`: deletes old data and reports what was deleted.
 *
 * @returns Whether it finished, without an interruption.
 * @throws PruneRefused, FolderLockedError, DatabaseUnfit, MigrationError, or an error of the database.
 */
export async function prune(request: PruneRequest, context: PruneContext): Promise<boolean> {
  const { config, log, say, signal } = context;
  await refuseWithoutFolder(config);
  await using database = await openDatabase(config, log);
  const store = createStore({
    // A slice may take longer than the timeout of statements, so it runs on a pool without one.
    database: { kysely: database.unlimited },
    retryMsMax: config.DATABASE_RETRY_MS_MAX,
    ...outageLog(log),
  });
  await prepare(database, request);
  say(
    `${database.name}: ${request.dryRun ? "would delete data" : "deleting data"} from before ${timestampText(request.beforeUs)}`,
  );
  let sum = NOTHING_PRUNED;
  const projects = request.project === undefined ? await prunableProjects(store) : [request.project];
  for (const project of projects) {
    const bounds = { ...request, project, signal };
    const pruned = await pruneProject(store, bounds, progress(project, say)).catch(explainOutage);
    say(`${project}: ${inWords(pruned)}`);
    sum = addPruned(sum, pruned);
    if (signal.aborted) break;
  }
  if (projects.length > 1) say(`in total: ${inWords(sum)}`);
  if (signal.aborted) say("interrupted; run it again to continue");
  return !signal.aborted;
}

/** Opening a folder that does not exist would create a new store. */
async function refuseWithoutFolder({ DATABASE_URL, DATA_DIR }: Config): Promise<void> {
  if (DATABASE_URL !== undefined) return;
  if (await stat(DATA_DIR).catch(() => undefined)) return;
  throw new PruneRefused(`there is no folder ${DATA_DIR}: set DATA_DIR or DATABASE_URL`);
}

async function prepare(database: Database, { beforeUs }: PruneRequest): Promise<void> {
  if (!(await hasSchema(database.unlimited)))
    throw new PruneRefused(`${database.name} has never been used by Purser`);
  await migrate(database);
  const nowUs = await readClock(database.unlimited);
  if (beforeUs > nowUs) {
    throw new PruneRefused(
      `--before: must not be in the future; the database's clock shows ${timestampText(nowUs)}`,
    );
  }
}

function explainOutage(error: unknown): never {
  if (!(error instanceof Failure)) throw error;
  throw new PruneRefused("the database can no longer be reached; run it again to continue", { cause: error });
}

/** Reports the progress after every 100,000 rows. */
function progress(project: string, say: (line: string) => void): (pruned: Pruned) => void {
  let saidRows = 0;
  return (pruned) => {
    const rows = Object.values(pruned).reduce((sum, count) => sum + count, 0);
    if (rows - saidRows < PROGRESS_ROWS) return;
    saidRows = rows;
    say(`${project}: so far ${inWords(pruned)}`);
  };
}

const inWords = (pruned: Pruned): string =>
  [
    `${count(pruned.entries, "ledger entry", "ledger entries")} (${pruned.entriesKept} earlier ones stay)`,
    count(pruned.reservations, "reservation", "reservations"),
    count(pruned.periods, "period", "periods"),
    count(pruned.model_costs, "cost of a model", "costs of models"),
  ].join(", ");

const count = (number: number, one: string, many: string): string => `${number} ${number === 1 ? one : many}`;
