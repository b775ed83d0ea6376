import { sql } from "kysely";
import { type Entry, requestKey } from "../domain/entry.ts";
import type { NanoUsd } from "../domain/money.ts";
import type { InstantUs } from "../domain/period.ts";
import type { Connection } from "./connection.ts";
import type { BudgetName, RequestName } from "./names.ts";
import type { RowOf } from "./table.ts";
import { entriesTable } from "./tables.ts";
import { timestampText } from "./timestamps.ts";
import { unnest } from "./unnest.ts";

/** The last entry of a page. The next page begins after it, in the order newest first. */
export interface EntryCursor {
  createdAtUs: InstantUs;
  requestId: string;
}

/** Reads up to `limit` entries of one user or of a whole project, newest first. */
export async function listEntries(
  connection: Connection,
  page: {
    project: string;
    user: string | undefined;
    startUs: InstantUs | undefined;
    endUs: InstantUs | undefined;
    before: EntryCursor | undefined;
    limit: number;
  },
): Promise<Entry[]> {
  let query = connection.selectFrom("entries").selectAll().where("project", "=", page.project);
  if (page.user !== undefined) query = query.where("user_id", "=", page.user);
  if (page.startUs !== undefined) query = query.where("created_at", ">=", instant(page.startUs));
  if (page.endUs !== undefined) query = query.where("created_at", "<", instant(page.endUs));
  if (page.before !== undefined) {
    const { createdAtUs, requestId } = page.before;
    query = query.where(
      sql<boolean>`(created_at, request_id) < (${timestampText(createdAtUs)}::timestamptz, ${requestId}::text)`,
    );
  }
  const rows = await query
    .orderBy("created_at", "desc")
    .orderBy("request_id", "desc")
    .limit(page.limit)
    .execute();
  return rows.map((row) => entriesTable.fromRow(row));
}

const instant = (us: InstantUs) => sql<bigint>`${timestampText(us)}::timestamptz`;

/** Reads the costs of a budget by period, and by model in each. A period without costs has an empty map. */
export async function readModelCosts(
  connection: Connection,
  name: BudgetName,
  periodIds: readonly bigint[],
): Promise<Map<bigint, Map<string, NanoUsd>>> {
  const costs = new Map<bigint, Map<string, NanoUsd>>(periodIds.map((id) => [id, new Map()]));
  if (periodIds.length === 0) return costs;
  const rows = await connection
    .selectFrom("model_costs")
    .select(["period_id", "model", "cost_nano_usd"])
    .where("project", "=", name.project)
    .where("user_id", "=", name.user)
    .where("period_id", "in", periodIds)
    .orderBy("model")
    .execute();
  for (const row of rows) costs.get(row.period_id)?.set(row.model, row.cost_nano_usd);
  return costs;
}

/** Whether the ledger has entries of a user. */
export async function hasEntries(connection: Connection, { project, user }: BudgetName): Promise<boolean> {
  const row = await connection
    .selectFrom("entries")
    .select("request_id")
    .where("project", "=", project)
    .where("user_id", "=", user)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Reads the entries that have these request ids, by `requestKey`. It uses a lateral join on the full key, because with
 * `request_id = ANY(...)` a planner with stale statistics may read the whole project.
 */
export async function findEntries(
  connection: Connection,
  names: readonly RequestName[],
): Promise<Map<string, Entry>> {
  if (names.length === 0) return new Map();
  const rows = names.map(({ project, requestId }) => ({ project, request_id: requestId }));
  const result = await sql<RowOf<typeof entriesTable>>`
    select e.* from ${unnest({ project: "text", request_id: "text" }, rows, "k")}
    cross join lateral (
      select * from entries where project = k.project and request_id = k.request_id limit 1
    ) e
  `.execute(connection);
  return new Map(
    result.rows.map((row) => [requestKey(row.project, row.request_id), entriesTable.fromRow(row)]),
  );
}

/** Reads the sums of the refunds of these charges, by `requestKey`. Charges without a refund are absent. */
export async function sumRefunds(
  connection: Connection,
  names: readonly RequestName[],
): Promise<Map<string, NanoUsd>> {
  if (names.length === 0) return new Map();
  // Each name once, because the join would count the refunds of a repeated name twice.
  const distinct = new Map(names.map((name) => [requestKey(name.project, name.requestId), name]));
  const rows = [...distinct.values()].map(({ project, requestId }) => ({ project, request_id: requestId }));
  const result = await sql<{ project: string; request_id: string; refunded: string }>`
    select k.project, k.request_id, (-sum(e.cost_nano_usd))::text as refunded
    from ${unnest({ project: "text", request_id: "text" }, rows, "k")}
    join entries e on e.project = k.project and e.corrects_request_id = k.request_id
    group by k.project, k.request_id
  `.execute(connection);
  return new Map(result.rows.map((row) => [requestKey(row.project, row.request_id), BigInt(row.refunded)]));
}

/** Reads the amounts spent in the stored period of a budget, by model. */
export async function readStoredModelCosts(
  connection: Connection,
  { project, user }: BudgetName,
): Promise<Map<string, NanoUsd>> {
  const result = await sql<{ model: string; cost_nano_usd: bigint }>`
    select c.model, c.cost_nano_usd from budgets b
    join model_costs c on c.project = b.project and c.user_id = b.user_id and c.period_id = b.period_id
    where b.project = ${project} and b.user_id = ${user}
  `.execute(connection);
  return new Map(result.rows.map((row) => [row.model, row.cost_nano_usd]));
}
