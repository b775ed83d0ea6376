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

/** Why nothing can be pruned; the message is one line. */
export class PruneRefused extends Error {
  override name = "PruneRefused";
}

export interface PruneContext {
  config: Config;
  log: Logger;
  say: (line: string) => void;
  /** Ends the work early; what was done stays done. */
  signal: AbortSignal;
}

const PROGRESS_ROWS = 100_000;

/**
 * `purser prune`: deletes what is past, and says what.
 *
 * @returns Whether it came to its end.
 * @throws PruneRefused, FolderLockedError, DatabaseUnfit, MigrationError, or what the database had to say.
 */
export async function prune(request: PruneRequest, context: PruneContext): Promise<boolean> {
  const { config, log, say, signal } = context;
  await refuseWithoutFolder(config);
  await using database = await openDatabase(config, log);
  const store = createStore({
    // A slice takes as long as it takes.
    database: { kysely: database.unlimited },
    retryMsMax: config.DATABASE_RETRY_MS_MAX,
    ...outageLog(log),
  });
  await prepare(database, request);
  say(
    `${database.name}: ${request.dryRun ? "what would go" : "deleting what is"} from before ${timestampText(request.beforeUs)}`,
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
  if (projects.length > 1) say(`in all: ${inWords(sum)}`);
  if (signal.aborted) say("interrupted; run it again to go on");
  return !signal.aborted;
}

/** Opening it would make a store where there is none. */
async function refuseWithoutFolder({ DATABASE_URL, DATA_DIR }: Config): Promise<void> {
  if (DATABASE_URL !== undefined) return;
  if (await stat(DATA_DIR).catch(() => undefined)) return;
  throw new PruneRefused(`there is no folder ${DATA_DIR}: set DATA_DIR, or DATABASE_URL`);
}

async function prepare(database: Database, { beforeUs }: PruneRequest): Promise<void> {
  if (!(await hasSchema(database.unlimited)))
    throw new PruneRefused(`${database.name} has never been used by Purser`);
  await migrate(database);
  const nowUs = await readClock(database.unlimited);
  if (beforeUs > nowUs) {
    throw new PruneRefused(
      `--before: must not be in the future; by the database's clock it is ${timestampText(nowUs)}`,
    );
  }
}

function explainOutage(error: unknown): never {
  if (!(error instanceof Failure)) throw error;
  throw new PruneRefused("the database cannot be reached any more; run it again to go on", { cause: error });
}

/** Says now and then how far it has come. */
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
    `${count(pruned.entries, "ledger entry", "ledger entries")} (${pruned.entriesKept} from before it stay)`,
    count(pruned.reservations, "reservation", "reservations"),
    count(pruned.periods, "period", "periods"),
    count(pruned.model_costs, "cost of a model", "costs of models"),
  ].join(", ");

const count = (number: number, one: string, many: string): string => `${number} ${number === 1 ? one : many}`;
