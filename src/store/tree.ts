import { sql } from "kysely";
import { budgetKey } from "../domain/budget.ts";
import type { Connection } from "./connection.ts";
import type { BudgetName } from "./names.ts";
import { unnest } from "./unnest.ts";

/** Reads the users of the ancestors of budgets, nearest first, by `budgetKey`. Budgets without a parent are absent. */
export async function readAncestors(
  connection: Connection,
  names: readonly BudgetName[],
): Promise<Map<string, string[]>> {
  const rows = names.map(({ project, user }) => ({ project, user_id: user }));
  const result = await sql<{ project: string; user_id: string; ancestors: string[] }>`
    with recursive chain as (
      select b.project, b.user_id, b.parent_user_id as ancestor, 1 as depth
      from ${unnest({ project: "text", user_id: "text" }, rows, "k")}
      join budgets b on b.project = k.project and b.user_id = k.user_id
      where b.parent_user_id is not null
      union all
      select c.project, c.user_id, b.parent_user_id, c.depth + 1 from chain c
      join budgets b on b.project = c.project and b.user_id = c.ancestor
      where b.parent_user_id is not null and c.depth < 100
    )
    select project, user_id, array_agg(ancestor order by depth) as ancestors from chain group by project, user_id
  `.execute(connection);
  return new Map(result.rows.map((row) => [budgetKey(row.project, row.user_id), row.ancestors]));
}

/** Counts the levels of budgets below a budget. 0 when it has no children. */
export async function readHeight(connection: Connection, name: BudgetName): Promise<number> {
  const result = await sql<{ height: number }>`
    with recursive below as (
      select project, user_id, 0 as depth from budgets where project = ${name.project} and user_id = ${name.user}
      union all
      select b.project, b.user_id, o.depth + 1 from below o
      join budgets b on b.project = o.project and b.parent_user_id = o.user_id
      where o.depth < 100
    )
    select coalesce(max(depth), 0)::integer as height from below
  `.execute(connection);
  return result.rows[0]?.height ?? 0;
}
