import assert from "node:assert/strict";
import { type Kysely, sql } from "kysely";
import type { Schema } from "../../src/store/schema.ts";

const opened = sql`timestamptz '1970-01-01T00:00:00Z' + b.period_id * interval '1 microsecond'`;
const counts = sql`(e.user_id = b.user_id or e.ancestors @> array[b.user_id::text])`;
const holds = sql`r.project = b.project and r.state = 'HELD'
  and (r.user_id = b.user_id or r.ancestors @> array[b.user_id::text])`;
const named = (model: ReturnType<typeof sql.ref>) => sql`case when l.limit_of like '%*'
  then starts_with(${model}, left(l.limit_of, -1)) else ${model} = l.limit_of end`;
const limits = sql`budgets b cross join lateral (
  select each ->> 'model' as limit_of, (each ->> 'spent_nano_usd')::numeric as spent,
    (each ->> 'held_nano_usd')::numeric as held
  from jsonb_array_elements(coalesce(b.model_limits, '[]')) each
) l`;

/**
 * Each query finds rows that do not add up, in the whole database. An entry counts on each level whose current period
 * contains it.
 */
const LAWS = {
  "spent is the sum of this period's entries": sql`
    select b.project, b.user_id, b.spent_nano_usd as stored, coalesce(sum(e.cost_nano_usd), 0) as summed
    from budgets b left join entries e on e.project = b.project and ${counts} and e.created_at >= ${opened}
    group by b.project, b.user_id having b.spent_nano_usd <> coalesce(sum(e.cost_nano_usd), 0)`,
  "held is the sum of open reservations": sql`
    select b.project, b.user_id, b.held_nano_usd as stored, coalesce(sum(r.held_nano_usd), 0) as summed
    from budgets b left join reservations r on ${holds}
    group by b.project, b.user_id having b.held_nano_usd <> coalesce(sum(r.held_nano_usd), 0)`,
  "costs of models are sums of entries": sql`
    select * from (
      select b.project, b.user_id, e.model, sum(e.cost_nano_usd) as cost from budgets b
      join entries e on e.project = b.project and ${counts} and e.created_at >= ${opened} and e.model is not null
      group by b.project, b.user_id, e.model
    ) entered full join (
      select b.project, b.user_id, c.model, c.cost_nano_usd as cost from budgets b
      join model_costs c on c.project = b.project and c.user_id = b.user_id and c.period_id = b.period_id
    ) stored using (project, user_id, model) where entered.cost is distinct from stored.cost`,
  "the spending of a limit is that of its models": sql`
    select b.project, b.user_id, l.limit_of, l.spent from ${limits} where l.spent <> (
      select coalesce(sum(c.cost_nano_usd), 0) from model_costs c
      where c.project = b.project and c.user_id = b.user_id and c.period_id = b.period_id and ${named(sql.ref("c.model"))})`,
  "the holds of a limit are those of its models": sql`
    select b.project, b.user_id, l.limit_of, l.held from ${limits} where l.held <> (
      select coalesce(sum(r.held_nano_usd), 0) from reservations r where ${holds} and ${named(sql.ref("r.model"))})`,
  "the spending of a closed period is the sum of its models": sql`
    select p.project, p.user_id, p.period_id, p.spent_nano_usd from periods p where p.spent_nano_usd <> (
      select coalesce(sum(c.cost_nano_usd), 0) from model_costs c
      where c.project = p.project and c.user_id = p.user_id and c.period_id = p.period_id)`,
  "a charged reservation has one entry at its closing time, and others have none": sql`
    select r.project, r.reservation_id, r.state from reservations r where (
      select count(*) from entries e where e.project = r.project and e.reservation_id = r.reservation_id
        and e.created_at = r.closed_at
    ) <> (case when r.state = 'SETTLED' or (r.state = 'EXPIRED' and r.on_expiry = 'CHARGE') then 1 else 0 end)`,
  "no id is both a reservation's and an entry's": sql`
    select project, request_id from entries e where exists (
      select 1 from reservations r where r.project = e.project and r.reservation_id = e.request_id)`,
};

/** Checks the laws of conservation over a whole database. */
export async function assertConserved(kysely: Kysely<Schema>): Promise<void> {
  for (const [law, violations] of Object.entries(LAWS)) {
    const { rows } = await violations.execute(kysely);
    assert.deepEqual(rows, [], law);
  }
}
