import { sql } from "kysely";
import type { Connection } from "./connection.ts";
import type { BudgetName } from "./names.ts";

/** Users of the ancestors of a budget, nearest first. */
export async function readAncestors(connection: Connection, name: BudgetName): Promise<string[]> {
  const result = await sql<{ user_id: string }>`
    with recursive ancestors as (
      select project, parent_user_id as user_id, 1 as depth from budgets
      where project = ${name.project} and user_id = ${name.user} and parent_user_id is not null
      union all
      select b.project, b.parent_user_id, a.depth + 1 from ancestors a
      join budgets b on b.project = a.project and b.user_id = a.user_id
      where b.parent_user_id is not null and a.depth < 100
    )
    select user_id from ancestors order by depth
  `.execute(connection);
  return result.rows.map((row) => row.user_id);
}

/** How many levels there are below a budget: 0 when it has no children. */
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
