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

/** The last change of a budget's settings. */
const lastChange = sql`(
  select a.after from audit_entries a
  where a.project = b.project and a.subject = b.user_id
    and a.action in ('CREATE_BUDGET', 'UPDATE_BUDGET', 'DELETE_BUDGET')
  order by a.created_at desc, a.audit_id desc limit 1
)`;
const limitSettings = sql`(
  select coalesce(jsonb_agg(each - 'spent_nano_usd' - 'held_nano_usd' order by place), '[]')
  from jsonb_array_elements(coalesce(b.model_limits, '[]')) with ordinality as each_limit(each, place)
)`;
/** Without the anchor of the period, because tests move it to let time pass. */
const settings = sql`jsonb_strip_nulls(jsonb_build_object(
  'total_budget_nano_usd', b.total_nano_usd::text,
  'period', case when b.period_unit is not null then jsonb_build_object('unit', 'PERIOD_UNIT_' || b.period_unit,
    'count', b.period_count, 'time_zone', b.period_time_zone) end,
  'parent', b.parent_user_id,
  'model_limits', ${limitSettings}))`;

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
  "the settings of a budget are those of its last audit entry": sql`
    select b.project, b.user_id, ${settings} as stored, last.after from budgets b
    left join lateral ${lastChange} last on true where last.after #- '{period,anchor}' is distinct from ${settings}`,
  "a reset or a refund has one audit entry": sql`
    select e.project, e.request_id, e.kind from entries e
    where e.kind <> 'CHARGE' and e.source <> 'RESERVATION' and (
      select count(*) from audit_entries a where a.project = e.project and a.subject = e.user_id
        and a.created_at = e.created_at and a.action = case e.kind when 'RESET' then 'RESET_COST' else 'REFUND_COST' end
    ) <> 1`,
};

/** Checks the laws of conservation over a whole database. */
export async function assertConserved(kysely: Kysely<Schema>): Promise<void> {
  for (const [law, violations] of Object.entries(LAWS)) {
    const { rows } = await violations.execute(kysely);
    assert.deepEqual(rows, [], law);
  }
}
